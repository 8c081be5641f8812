package iampolicy

import "testing"

// Each name reaches the callers of the table in its own way.
func TestEvaluateGrant(t *testing.T) {
	const account = "111122223333"
	user := Principal{Type: AWS, ID: "arn:aws:iam::111122223333:user/ada", Account: account, UniqueID: "AIDAAAAAAAAAAAAAAAAAA"}
	session := Principal{Type: AWS, ID: "arn:aws:sts::111122223333:assumed-role/job/run", Account: account,
		RoleARN: "arn:aws:iam::111122223333:role/job", UniqueID: "AROAAAAAAAAAAAAAAAAAA:run"}
	federated := Principal{Type: AWS, ID: "arn:aws:sts::111122223333:federated-user/bob", Account: account, RoleARN: user.ID}
	service := Principal{Type: Service, ID: "apigateway.amazonaws.com"}
	for _, c := range []struct {
		name, principal string
		who             Principal
		want            Grant
	}{
		{"user by name", `{"AWS":"arn:aws:iam::111122223333:user/ada"}`, user, Direct},
		{"user by id", `{"AWS":"AIDAAAAAAAAAAAAAAAAAA"}`, user, Direct},
		{"user by account", `{"AWS":"111122223333"}`, user, ThroughAccount},
		{"user by root", `{"AWS":"arn:aws:iam::111122223333:root"}`, user, ThroughAccount},
		{"session by name", `{"AWS":"arn:aws:sts::111122223333:assumed-role/job/run"}`, session, Direct},
		{"session by role", `{"AWS":"arn:aws:iam::111122223333:role/job"}`, session, ThroughRole},
		{"session by role id", `{"AWS":"AROAAAAAAAAAAAAAAAAAA"}`, session, ThroughRole},
		{"session by both", `{"AWS":["111122223333","arn:aws:iam::111122223333:role/job"]}`, session, ThroughRole},
		{"federated by user", `{"AWS":"arn:aws:iam::111122223333:user/ada"}`, federated, ThroughRole},
		{"federated by name", `{"AWS":"arn:aws:sts::111122223333:federated-user/bob"}`, federated, Direct},
		{"everybody", `"*"`, user, Direct},
		{"service", `{"Service":"apigateway.amazonaws.com"}`, service, Direct},
		{"somebody else", `{"AWS":"444455556666"}`, user, NotGranted},
	} {
		t.Run(c.name, func(t *testing.T) {
			p, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":` + c.principal + `,"Action":"*","Resource":"*"}]}`))
			if err != nil {
				t.Fatal(err)
			}
			effect, got := p.EvaluateGrant(&Request{Principal: c.who, Action: "a:B", Resource: "*"})
			if got != c.want || (effect == Allow) != (c.want != NotGranted) {
				t.Errorf("%v %v, want %v", effect, got, c.want)
			}
		})
	}
}

// A deny is final however the grant reaches, and NotPrincipal grants directly.
func TestEvaluateGrantDeny(t *testing.T) {
	p, err := Parse([]byte(`{"Version":"2012-10-17","Statement":[
		{"Effect":"Allow","NotPrincipal":{"AWS":"444455556666"},"Action":"*","Resource":"*"},
		{"Effect":"Deny","Principal":"*","Action":"a:Delete","Resource":"*"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	who := Principal{Type: AWS, ID: "arn:aws:iam::111122223333:user/ada", Account: "111122223333"}
	if e, g := p.EvaluateGrant(&Request{Principal: who, Action: "a:Delete"}); e != Deny || g != NotGranted {
		t.Errorf("deny: %v %v", e, g)
	}
	if e, g := p.EvaluateGrant(&Request{Principal: who, Action: "a:Get"}); e != Allow || g != Direct {
		t.Errorf("allow: %v %v", e, g)
	}
}
