package iampolicy

import "strings"

const partResource = "resource"

// partNames are the parts of an ARN in order.
var partNames = [arnParts]string{"arn", "partition", "service", "region", "account", partResource}

// maxSegments bounds the alignment of two resource parts, whose cost is the
// product of both lengths. Longer ones are compared whole.
const maxSegments = 40

// segments compares got with a piece by piece; nil when either is no ARN.
func (a *arnPattern) segments(got string, ctx Context) []Segment {
	want := a.parts
	if a.whole.vars {
		bound, ok := a.whole.bind(ctx)
		if !ok {
			return nil
		}
		want = bound.split(':', arnParts)
	}
	have := strings.SplitN(got, ":", arnParts)
	if len(want) != arnParts || len(have) != arnParts {
		return nil
	}
	out := make([]Segment, 0, 2*arnParts)
	for i := range arnParts - 1 {
		out = append(out, Segment{Part: partNames[i], Want: want[i].text, Got: have[i], Matched: want[i].match(have[i], ctx)})
	}
	return append(out, alignResource(&want[arnParts-1], have[arnParts-1])...)
}

// alignResource pairs the "/" segments of the resource parts so that as few as
// possible differ. A segment with "*" may stand for several segments of the
// request, because "*" crosses "/".
func alignResource(want *pattern, got string) []Segment {
	w, g := want.split('/', 0), strings.Split(got, "/")
	if len(w) > maxSegments || len(g) > maxSegments {
		return []Segment{{Part: partResource, Want: want.text, Got: got, Matched: want.match(got, nil)}}
	}
	a := alignment{want: w, got: g, memo: make([]step, (len(w)+1)*(len(g)+1))}
	a.best(0, 0)
	return a.read()
}

// alignment is the search for the cheapest pairing, by dynamic programming
// from the end.
type alignment struct {
	want []pattern
	got  []string
	memo []step
}

// step is the best first move at one place, and what everything from there
// costs.
type step struct {
	cost  int
	takeW int // segments of want consumed: 0 or 1
	takeG int // segments of got consumed
	equal bool
	known bool
}

func (a *alignment) at(i, j int) *step { return &a.memo[i*(len(a.got)+1)+j] }

// A pair that differs and a segment without partner cost the same; of equal
// alignments the one that pairs equal texts is taken, then the one that pairs
// segments in their places, one by one. costWildcard times maxSegments stays
// below costDiffers, so that what matches as a whole is never shown as
// differing.
const (
	costWildcard = 1
	costDiffers  = 100
	costExtra    = 100
)

func (a *alignment) best(i, j int) step {
	s := a.at(i, j)
	if s.known {
		return *s
	}
	s.known = true
	if i == len(a.want) && j == len(a.got) {
		return *s
	}
	s.cost = 1 << 30
	try := func(takeW, takeG, cost int, equal bool) {
		if cost += a.best(i+takeW, j+takeG).cost; cost < s.cost {
			s.cost, s.takeW, s.takeG, s.equal = cost, takeW, takeG, equal
		}
	}
	if i < len(a.want) && j < len(a.got) {
		a.tryPair(i, j, try)
	}
	if i < len(a.want) {
		try(1, 0, costExtra, false)
	}
	if j < len(a.got) {
		try(0, 1, costExtra, false)
	}
	return *s
}

func (a *alignment) tryPair(i, j int, try func(takeW, takeG, cost int, equal bool)) {
	w := &a.want[i]
	switch {
	case w.exact && w.prefix == a.got[j]:
		try(1, 1, 0, true)
	case w.match(a.got[j], nil):
		try(1, 1, costWildcard, true)
	default:
		try(1, 1, costDiffers, false)
	}
	if !strings.Contains(w.text, "*") {
		return
	}
	for n := 2; j+n <= len(a.got); n++ {
		if w.match(strings.Join(a.got[j:j+n], "/"), nil) {
			try(1, n, costWildcard, true)
		}
	}
}

// read follows the best moves.
func (a *alignment) read() []Segment {
	var out []Segment
	for i, j := 0, 0; i < len(a.want) || j < len(a.got); {
		s := a.at(i, j)
		seg := Segment{Part: partResource, Index: j, Matched: s.equal}
		if s.takeW == 0 {
			seg.NoWant = true
		} else {
			seg.Want = a.want[i].text
		}
		if s.takeG == 0 {
			seg.NoGot = true
		} else {
			seg.Got = strings.Join(a.got[j:j+s.takeG], "/")
		}
		out = append(out, seg)
		i, j = i+s.takeW, j+s.takeG
	}
	return out
}
