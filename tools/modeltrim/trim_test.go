package main

import "testing"

func TestTrimKeepsOrderAndDropsDocumentation(t *testing.T) {
	// A member that is itself called "documentation" stays: only traits are dropped.
	in := `{"version":"2.0","metadata":{"protocol":"query","uid":"x"},
	 "operations":{"Z":{"name":"Z","http":{"method":"POST","requestUri":"/"},"documentation":"<p>","errors":[{"shape":"E","documentation":"d"}]},"A":{}},
	 "shapes":{"S":{"type":"structure","members":{"b":{"shape":"T","documentation":"d"},"documentation":{"shape":"T"},"a":{"shape":"T"}},"documentation":"d"}}}`
	want := `{"metadata":{"protocol":"query"},"operations":{"Z":{"http":{"method":"POST","requestUri":"/"},"errors":[{"shape":"E"}]},"A":{}},` +
		`"shapes":{"S":{"type":"structure","members":{"b":{"shape":"T"},"documentation":{"shape":"T"},"a":{"shape":"T"}}}}}`
	got, err := trimModel([]byte(in))
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}
