package iampolicy

import (
	"fmt"
	"strings"
)

// principalPattern is one name in a Principal or NotPrincipal element.
type principalPattern struct {
	kind principalKind
	of   PrincipalType
	text string // as written
	id   string // what it is compared with
}

type principalKind uint8

const (
	everyone     principalKind = iota // "*" or {"AWS": "*"}
	everyoneOf                        // {"Service": "*"}, {"Federated": "*"}
	wholeAccount                      // an account: id is its 12 digits
	exactName                         // a service, provider, canonical user, or an ARN
	uniqueID                          // AIDA…, AROA…
)

// compilePrincipal reads one name of the given type.
func compilePrincipal(of PrincipalType, text string) (principalPattern, error) {
	p := principalPattern{of: of, text: text, kind: exactName, id: text}
	switch {
	case text == "":
		return p, fmt.Errorf("an empty name")
	case text == "*" && of == AWS:
		// {"AWS": "*"} and "*" are the same (IAM user guide, "Principal").
		p.kind = everyone
	case text == "*":
		p.kind = everyoneOf
	case of != AWS:
	case isAccount(text):
		p.kind = wholeAccount
	case strings.HasPrefix(text, "arn:"):
		return compileARNPrincipal(p)
	case isUniqueID(text):
		p.kind = uniqueID
	default:
		return p, fmt.Errorf("%q is no AWS principal: write an account id of 12 digits, an ARN, a unique id or \"*\"", text)
	}
	return p, nil
}

func compileARNPrincipal(p principalPattern) (principalPattern, error) {
	if strings.ContainsAny(p.text, "*?") {
		return p, fmt.Errorf("%q has a wildcard, which a principal's ARN must not have: name \"*\" and add a condition on aws:PrincipalArn", p.text)
	}
	parts := strings.SplitN(p.text, ":", arnParts)
	if len(parts) < arnParts || (parts[2] != "iam" && parts[2] != "sts") || !isAccount(parts[4]) {
		return p, fmt.Errorf("%q is no principal's ARN: write arn:aws:iam::123456789012:role/name or the like", p.text)
	}
	if parts[2] == "iam" && parts[5] == "root" {
		p.kind, p.id = wholeAccount, parts[4]
	}
	return p, nil
}

func isAccount(s string) bool {
	if len(s) != 12 {
		return false
	}
	for i := 0; i < len(s); i++ {
		if s[i] < '0' || s[i] > '9' {
			return false
		}
	}
	return true
}

// isUniqueID recognises the ids that IAM gives to users and roles ("IAM
// identifiers": AIDA…, AROA…; documents keep them when the entity is deleted).
func isUniqueID(s string) bool {
	if len(s) < 16 || len(s) > 128 || s[0] != 'A' {
		return false
	}
	for i := 0; i < len(s); i++ {
		if (s[i] < 'A' || s[i] > 'Z') && (s[i] < '0' || s[i] > '9') {
			return false
		}
	}
	return true
}

// match reports whether p names who.
func (p *principalPattern) match(who *Principal) bool {
	switch p.kind {
	case everyone:
		return true
	case everyoneOf:
		return who.Type == p.of
	case wholeAccount:
		return who.Type == AWS && who.Account == p.id
	case uniqueID:
		id, _, _ := strings.Cut(who.UniqueID, ":")
		return who.Type == AWS && id == p.id
	default:
		return who.Type == p.of && (who.ID == p.id || (p.of == AWS && who.RoleARN == p.id))
	}
}
