package iampolicy

import (
	"path/filepath"
	"testing"

	"github.com/rogpeppe/go-internal/txtar"
)

// FuzzParse: no document makes Parse, Evaluate or Explain panic or disagree.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob("testdata/documented/*.txtar")
	if err != nil {
		f.Fatal(err)
	}
	for _, file := range files {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(archive.Files[0].Data, "lambda:InvokeFunction", "arn:aws:lambda:us-east-1:1:function:fn", "arn:aws:execute-api:us-east-1:1:api/dev/GET/")
	}
	f.Fuzz(func(t *testing.T, document []byte, action, resource, source string) {
		p, err := Parse(document)
		if err != nil {
			if _, ok := err.(*Error); !ok {
				t.Errorf("%T is no *Error", err)
			}
			return
		}
		if len(resource) > 200 || len(document) > 4096 {
			return // the cost of one explanation is bounded, not small
		}
		r := &Request{Principal: Principal{Type: Service, ID: "x"}, Action: action, Resource: resource,
			Context: Context{{Name: "aws:SourceArn", Values: []string{source}}, {Name: "aws:username", Values: []string{action}}}}
		checkExplanation(t, p, r)
	})
}
