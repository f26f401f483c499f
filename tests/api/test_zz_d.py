import pytest
@pytest.mark.django_db
def test_d(client):
    for p,a in (("/api","application/json"),("/api","text/html"),("/api","*/*"),("/api","text/xml"),("/api/v1","application/json"),("/API/V1/","application/json"),("/api/",""),("/api/v1/openapi.json","")):
        r=client.get(p,headers={"Accept":a}); print(p,a,r.status_code,r["Content-Type"],r.content[:300], r.get("Cache-Control"))
