package iampolicy

import (
	"bytes"
	"fmt"
)

// Error says where a document is no policy, why, and what to write instead.
type Error struct {
	Offset int    // bytes from the beginning
	Line   int    // from 1
	Column int    // from 1, in bytes
	Path   string // JSON pointer: "/Statement/0/Effect"; "" for the document
	// Problem and Remedy are sentences without a full stop.
	Problem string
	Remedy  string
}

// Error writes all of it in one line.
func (e *Error) Error() string {
	text := fmt.Sprintf("policy line %d, column %d", e.Line, e.Column)
	if e.Path != "" {
		text += " (" + e.Path + ")"
	}
	text += ": " + e.Problem
	if e.Remedy != "" {
		text += ": " + e.Remedy
	}
	return text
}

func newError(doc []byte, offset int, path, problem, remedy string) *Error {
	offset = min(max(offset, 0), len(doc))
	before := doc[:offset]
	return &Error{
		Offset:  offset,
		Line:    1 + bytes.Count(before, []byte("\n")),
		Column:  offset - bytes.LastIndexByte(before, '\n'),
		Path:    path,
		Problem: problem,
		Remedy:  remedy,
	}
}
