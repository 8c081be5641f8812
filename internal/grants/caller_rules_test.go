package grants

import (
	"fmt"
	"testing"

	"github.com/stagedoor/stagedoor/iampolicy"
)

// answers of a policy in the exhaustive test.
const (
	absent = iota
	silent
	allowing
	denying
)

// TestEveryCombination holds EvaluateCaller to the rules as the user guide states
// them, over every combination of what the kinds of policy can answer.
func TestEveryCombination(t *testing.T) {
	const account, session = "111122223333", "arn:aws:sts::111122223333:assumed-role/job/run"
	who := iampolicy.Principal{Type: iampolicy.AWS, ID: session, Account: account, RoleARN: "arn:aws:iam::111122223333:role/job"}
	policy := func(kind PolicyKind, answer int) *AppliedPolicy {
		body := map[int]string{silent: `"Effect":"Allow","Action":"x:Other"`, allowing: `"Effect":"Allow","Action":"x:Do"`, denying: `"Effect":"Deny","Action":"x:Do"`}[answer]
		return NewAppliedPolicy(kind, "", "", `{"Version":"2012-10-17","Statement":{`+body+`,"Resource":"*"}}`)
	}
	resource := map[string]*AppliedPolicy{"none": nil}
	for name, statement := range map[string]string{
		"silent":  `"Effect":"Allow","Principal":"*","Action":"x:Other"`,
		"account": `"Effect":"Allow","Principal":{"AWS":"` + account + `"},"Action":"x:Do"`,
		"role":    `"Effect":"Allow","Principal":{"AWS":"` + who.RoleARN + `"},"Action":"x:Do"`,
		"session": `"Effect":"Allow","Principal":{"AWS":"` + session + `"},"Action":"x:Do"`,
		"deny":    `"Effect":"Deny","Principal":"*","Action":"x:Do"`,
	} {
		resource[name] = NewAppliedPolicy(ResourcePolicy, "", "", `{"Version":"2012-10-17","Statement":{`+statement+`,"Resource":"*"}}`)
	}
	identities, limits := map[int]*AppliedPolicy{}, map[PolicyKind]map[int]*AppliedPolicy{Boundary: {}, SessionPolicy: {}}
	for answer := silent; answer <= denying; answer++ {
		identities[answer] = policy(RolePolicy, answer)
		limits[Boundary][answer], limits[SessionPolicy][answer] = policy(Boundary, answer), policy(SessionPolicy, answer)
	}
	tried := 0
	for identity := absent; identity <= denying; identity++ {
		for boundary := absent; boundary <= denying; boundary++ {
			for sessionAnswer := absent; sessionAnswer <= denying; sessionAnswer++ {
				for name, resourcePolicy := range resource {
					for _, across := range []bool{false, true} {
						for _, must := range []bool{false, true} {
							r := &CallerRequest{Request: iampolicy.Request{Principal: who, Action: "x:Do", Resource: "arn:aws:x:::thing"}, MustGrant: must}
							if across {
								r.ResourceAccount = "444455556666"
							}
							if p := identities[identity]; p != nil {
								r.Policies.Identity = []*AppliedPolicy{p}
							}
							r.Policies.Boundary, r.Policies.Resource = limits[Boundary][boundary], resourcePolicy
							if p := limits[SessionPolicy][sessionAnswer]; p != nil {
								r.Policies.Session = []*AppliedPolicy{p}
							}
							want := documented(identity, boundary, sessionAnswer, name, across, must)
							if v := EvaluateCaller(r); v.Allowed() != want {
								t.Errorf("identity %d, boundary %d, session %d, resource %s, across %v, must grant %v: allowed %v (%v %s)",
									identity, boundary, sessionAnswer, name, across, must, v.Allowed(), v.Basis, v.Kind)
							} else if !want && v.Sentence(r) == fmt.Sprintf("User: %s is not authorized to perform: x:Do on resource: arn:aws:x:::thing", session) && v.Kind != TrustPolicy {
								t.Errorf("no reason: %+v", v)
							}
							tried++
						}
					}
				}
			}
		}
	}
	if tried != 4*4*4*6*2*2 {
		t.Errorf("%d combinations", tried)
	}
}

// documented is the verdict in the user guide's own terms.
func documented(identity, boundary, session int, resource string, across, must bool) bool {
	if identity == denying || boundary == denying || session == denying || resource == "deny" {
		return false
	}
	withinLimits := (boundary == absent || boundary == allowing) && (session == absent || session == allowing)
	own := identity == allowing && withinLimits
	granted := resource == "account" || resource == "role" || resource == "session"
	switch {
	case across:
		return own && granted
	case resource == "session":
		return true
	case resource == "role":
		return withinLimits
	case must:
		return own && resource == "account"
	default:
		return own
	}
}
