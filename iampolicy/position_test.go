package iampolicy

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// The first is the document of AWS recording test_simulate_principle_policy,
// with the positions that AWS answered.
func TestStatementSpan(t *testing.T) {
	for _, c := range []struct {
		doc        string
		begin, end Position
	}{
		{`{"Version": "2012-10-17", "Statement": {"Sid": "", "Effect": "Allow", "Action": "s3:PutObject", "Resource": "*"}}`, Position{1, 41}, Position{1, 113}},
		{"{\"Version\":\"2012-10-17\",\n \"Statement\":[\n  {\"Effect\":\"Allow\",\n   \"Action\":\"s3:PutObject\",\"Resource\":\"*\"}\n]}", Position{3, 4}, Position{4, 43}},
	} {
		p, err := Parse([]byte(c.doc))
		if err != nil {
			t.Fatal(err)
		}
		begin, end := p.StatementSpan(0)
		if begin != c.begin || end != c.end {
			t.Errorf("%v to %v, want %v to %v", begin, end, c.begin, c.end)
		}
		if b, e := p.StatementSpan(1); b != (Position{}) || e != (Position{}) {
			t.Errorf("of no statement: %v %v", b, e)
		}
	}
}

func TestApplying(t *testing.T) {
	p, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","Action":"a:*","Resource":"*"},{"Effect":"Deny","Action":"a:Delete","Resource":"*"},{"Effect":"Allow","Action":"a:Get","Resource":"*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for action, want := range map[string][]int{"a:Get": {0, 2}, "a:Delete": {1}, "b:Get": nil} {
		_, got := p.Applying(&Request{Action: action, Resource: "*"})
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: %s", action, diff)
		}
	}
}
