import time, cProfile, pstats
from tests.demo.test_travel import *
def test_x(world):
    world.bought("clara")
    pr=cProfile.Profile()
    with world.app.app_context():
        c=time.process_time(); t=time.monotonic()
        pr.enable(); trip=advance(366*DAY); pr.disable()
        print("cpu", time.process_time()-c, "wall", time.monotonic()-t)
    pstats.Stats(pr).sort_stats("cumtime").print_stats(45)
    pstats.Stats(pr).sort_stats("tottime").print_stats(12)
    assert 0
