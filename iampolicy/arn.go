package iampolicy

import "strings"

// arnParts is the number of colon parts of an ARN; the last may hold colons
// of its own.
const arnParts = 6

// An arnPattern compares ARNs part by part: "arn", partition, service, region,
// account, resource. A "*" stays within its part, save in the last, where it
// crosses "/" and ":" (IAM user guide, "ARN condition operators": "Each of the
// six colon-delimited components of the ARN is checked separately"). Case
// matters.
type arnPattern struct {
	whole pattern
	parts []pattern // six, or nil when the text is not ARN-shaped
	// The literal beginning covers skipParts parts and the skipLen bytes they
	// take: equal bytes need no second look.
	skipParts, skipLen int
	// loose values without six parts are compared as plain text. Resource
	// elements are loose ("*", "execute-api:/stage/*"); ARN operators are not.
	loose bool
}

func compileARN(text string, d dialect, loose bool) (arnPattern, error) {
	whole, err := compilePattern(text, d)
	if err != nil {
		return arnPattern{}, err
	}
	return newARNPattern(whole, loose), nil
}

func newARNPattern(whole pattern, loose bool) arnPattern {
	a := arnPattern{whole: whole, loose: loose}
	if whole.vars {
		return a // split when the variables have their values
	}
	if parts := whole.split(':', arnParts); len(parts) == arnParts {
		a.parts = parts
		a.skipParts = min(strings.Count(whole.prefix, ":"), arnParts-1)
		for range a.skipParts {
			a.skipLen += strings.IndexByte(whole.prefix[a.skipLen:], ':') + 1
		}
	}
	return a
}

func (a *arnPattern) match(s string, ctx Context) bool {
	switch {
	case a.whole.exact:
		return s == a.whole.prefix && (a.loose || a.parts != nil)
	case a.whole.vars:
		bound, ok := a.whole.bind(ctx)
		if !ok {
			return false
		}
		b := newARNPattern(bound, a.loose)
		return b.match(s, ctx)
	case !strings.HasSuffix(s, a.whole.suffix) || !strings.HasPrefix(s, a.whole.prefix): // neighbours in a policy share their beginnings
		return false
	case a.parts == nil:
		// A lone "*" is taken as "any ARN" by the ARN operators too.
		// unverified: AWS documents six parts only.
		return (a.loose || a.isAny()) && a.whole.match(s, ctx)
	}
	rest := s[a.skipLen:]
	for i := a.skipParts; i < arnParts-1; i++ {
		at := strings.IndexByte(rest, ':')
		if at < 0 || !a.parts[i].match(rest[:at], ctx) {
			return false
		}
		rest = rest[at+1:]
	}
	return a.parts[arnParts-1].match(rest, ctx)
}

func (a *arnPattern) isAny() bool {
	return len(a.whole.pieces) == 1 && a.whole.pieces[0].kind == anyRun
}
