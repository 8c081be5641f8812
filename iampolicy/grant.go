package iampolicy

// Grant says through which name an Allow statement of a resource policy reaches
// a principal. In one account it decides which other policies may still limit
// the grant ("Policy evaluation logic", resource-based policies). A greater
// Grant is limited by fewer.
type Grant uint8

// The ways in which a resource policy can grant.
const (
	NotGranted Grant = iota
	// ThroughAccount: the statement names the principal's account. That only
	// delegates: the account's own policies must allow as well.
	ThroughAccount
	// ThroughRole: it names the role of a session (or the user behind a
	// federated session, which Principal.RoleARN holds then). Boundary and
	// session policy must allow as well.
	ThroughRole
	// Direct: it names the principal itself, or everybody. Nothing but an
	// explicit deny limits it.
	Direct
)

// EvaluateGrant is Evaluate for a resource policy: of an Allow it also says how
// it reaches the principal, by the statement that reaches furthest.
func (p *Policy) EvaluateGrant(r *Request) (Effect, Grant) {
	var m memo
	best := NotGranted
	for _, s := range p.order {
		if !s.applies(r, &m) {
			continue
		}
		if s.effect == Deny {
			return Deny, NotGranted
		}
		if best = max(best, s.grant(&r.Principal)); best == Direct {
			break
		}
	}
	if best == NotGranted {
		return NoMatch, NotGranted
	}
	return Allow, best
}

// grant is how an Allow statement that applies reaches who.
func (s *statement) grant(who *Principal) Grant {
	if s.principal == nil || s.principal.not {
		return Direct
	}
	best := NotGranted
	for i := range s.principal.names {
		if p := &s.principal.names[i]; p.match(who) {
			best = max(best, p.grant(who))
		}
	}
	return best
}

// grant is how a name that matches who reaches it.
func (p *principalPattern) grant(who *Principal) Grant {
	switch {
	case p.kind == wholeAccount:
		return ThroughAccount
	case p.kind == uniqueID && who.RoleARN != "", p.kind == exactName && who.ID != p.id:
		return ThroughRole
	default:
		return Direct
	}
}
