package console_test

import "testing"

func TestFirst(t *testing.T) {
	w := newWorld(t)
	b := w.browser()
	v := b.see("/_stagedoor/")
	v.has(t, "No API yet")
	id := w.story()
	b.see("/_stagedoor/").has(t, "orders", "✗ 3")
	v = b.see("/_stagedoor/apis/" + id)
	v.has(t, "GET /hello on dev: refused")
	v = b.see("/_stagedoor/apis/" + id + "/cell?stage=dev&verb=GET&path=%2Fhello")
	v.has(t, "Add the grant")
	v = b.submit(v.form(t, "/_stagedoor/apis/"+id+"/grant", "kind", "each"))
	v.has(t, "Granted", "Undo", "GET /hello on dev: allowed", "GET /hello on prod: allowed")
	v = b.submit(v.form(t, "/_stagedoor/undo"))
	v.has(t, "Undone", "GET /hello on dev: refused")
}
