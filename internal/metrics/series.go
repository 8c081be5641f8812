package metrics

import (
	"cmp"
	"encoding/binary"
	"errors"
	"slices"
)

// Dimension is one name and value that belong to a series' identity.
type Dimension struct{ Name, Value string }

// Series names one metric: two series with other dimensions have nothing to do
// with each other (CloudWatch-UG: cloudwatch_concepts, "Dimensions"). The order
// of the dimensions means nothing.
type Series struct {
	Namespace  string
	Name       string
	Dimensions []Dimension
}

// seriesID is a series as a map key and in the journal: namespace, number of
// dimensions, the dimensions by name, and the metric's name, so that the metrics
// of one thing share a prefix. Strings are preceded by their length.
type seriesID string

func (s *Series) id() seriesID {
	dims := slices.SortedFunc(slices.Values(s.Dimensions), func(a, b Dimension) int {
		return cmp.Or(cmp.Compare(a.Name, b.Name), cmp.Compare(a.Value, b.Value))
	})
	b := make([]byte, 0, 128)
	b = appendText(b, s.Namespace)
	b = binary.AppendUvarint(b, uint64(len(dims)))
	for _, d := range dims {
		b = appendText(appendText(b, d.Name), d.Value)
	}
	return seriesID(appendText(b, s.Name))
}

// errDamaged is an entry that cannot be read.
var errDamaged = errors.New("a damaged entry of the metrics journal")

func (id seriesID) series() (s Series, err error) {
	r := reader{rest: []byte(id)}
	s.Namespace = r.text()
	n := r.uvarint()
	if n > uint64(len(r.rest)) {
		return s, errDamaged
	}
	for range n {
		s.Dimensions = append(s.Dimensions, Dimension{r.text(), r.text()})
	}
	s.Name = r.text()
	if r.failed {
		return s, errDamaged
	}
	return s, nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}
