package iampolicy

// Explanation says, statement by statement, why a policy answered as it did.
type Explanation struct {
	Effect Effect `json:"effect"`
	// Statements are ranked: first those that decided, then the nearest
	// misses. For an implicit deny Allow statements come before Deny
	// statements, because only they could have helped.
	Statements []StatementResult `json:"statements"`
}

// StatementResult is the verdict on one statement.
type StatementResult struct {
	Index    int             `json:"index"` // position in the document, from 0
	Sid      string          `json:"sid,omitempty"`
	Effect   Effect          `json:"effect"` // what the statement grants when it applies
	Matched  bool            `json:"matched"`
	Distance int             `json:"distance"` // how far from applying: 0 applies; comparable within one Explanation only
	Elements []ElementResult `json:"elements"` // in the order Principal, Action, Resource, Condition…
}

// ElementResult is the verdict on one element of a statement; each condition
// key counts as an element.
type ElementResult struct {
	Element  string   `json:"element"`            // "Principal", "NotPrincipal", "Action", "NotAction", "Resource", "NotResource" or "Condition"
	Operator string   `json:"operator,omitempty"` // of a condition, as written: "ArnLike", "ForAnyValue:StringEquals"
	Key      string   `json:"key,omitempty"`      // of a condition, as written: "AWS:SourceArn"
	Want     []string `json:"want"`               // what the statement asks for, as written
	Got      []string `json:"got"`                // what the request has; nil when the key is absent
	Matched  bool     `json:"matched"`
	Closest  int      `json:"closest"` // index into Want of the value nearest to Got; Segments are about that one
	// Segments compares ARNs piece by piece; nil where no ARNs are compared.
	Segments []Segment `json:"segments,omitempty"`
}

// Segment is one piece of an ARN comparison: one of the first five colon parts,
// or one "/" segment of the last.
type Segment struct {
	Part string `json:"part"` // "arn", "partition", "service", "region", "account" or "resource"
	// Index counts the "/" segments of the resource part as the request has
	// them, from 0; 0 for other parts. A segment that only the statement has
	// carries the index at which the request would have had it.
	Index   int    `json:"index"`
	Want    string `json:"want"`
	Got     string `json:"got"`
	NoWant  bool   `json:"noWant,omitempty"` // the statement has no such segment: the request has one too many
	NoGot   bool   `json:"noGot,omitempty"`  // the request has no such segment: the statement has one too many
	Matched bool   `json:"matched"`
}

// Differing returns the segments that do not match.
func (e *ElementResult) Differing() []Segment {
	var out []Segment
	for _, s := range e.Segments {
		if !s.Matched {
			out = append(out, s)
		}
	}
	return out
}

// Failed returns the elements that kept the statement from applying.
func (s *StatementResult) Failed() []ElementResult {
	var out []ElementResult
	for _, e := range s.Elements {
		if !e.Matched {
			out = append(out, e)
		}
	}
	return out
}
