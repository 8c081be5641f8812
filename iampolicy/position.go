package iampolicy

import "bytes"

// Position is a place in a document; lines and columns count from 1, columns in
// bytes.
type Position struct{ Line, Column int }

// positionOf is the position of the byte at offset.
func positionOf(doc []byte, offset int) Position {
	offset = min(max(offset, 0), len(doc))
	before := doc[:offset]
	return Position{1 + bytes.Count(before, []byte("\n")), offset - bytes.LastIndexByte(before, '\n')}
}

// StatementSpan says where a statement stands: behind its opening brace and
// behind its closing one, as IAM's simulator reports it (AWS recording
// test_simulate_principle_policy). index counts from 0; of one that is not there
// both are zero.
func (p *Policy) StatementSpan(index int) (begin, end Position) {
	if index < 0 || index >= len(p.statements) {
		return Position{}, Position{}
	}
	s := &p.statements[index]
	return s.begin, s.end
}

// Applying returns the indexes of the statements that apply to r, in the order
// of the document: those that deny where one does, else those that allow.
func (p *Policy) Applying(r *Request) (effect Effect, indexes []int) {
	var m memo
	effect = p.Evaluate(r)
	for i := range p.statements {
		if s := &p.statements[i]; s.effect == effect && s.applies(r, &m) {
			indexes = append(indexes, i)
		}
	}
	return effect, indexes
}
