"""Words that pages use without explaining them have a place where they are explained."""

from portal.glossary import GROUPS

TERMS = [term for _, terms in GROUPS for term in terms]
NEEDED = """TPM RPM PTU showback spillover baseline burst headroom units reserve lead adopted
observe-only drift ledger 429 p95 unmapped""".split()


def test_every_word_that_needs_one_has_a_meaning():
    assert {word.lower() for word in NEEDED} <= {term.word.lower() for term in TERMS}
    assert all(len(term.meaning) > 40 for term in TERMS)


def test_each_term_has_an_address_of_its_own():
    assert len({term.anchor for term in TERMS}) == len(TERMS)


def test_the_page_needs_no_sign_in_and_every_page_leads_to_it(client, db):
    page = client.get("/glossary/").content.decode()
    assert 'id="tpm"' in page
    assert "tokens per minute" in page
    assert 'href="/glossary/"' in client.get("/accounts/login/").content.decode()
