package stagedoor

import (
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestUnverifiedPage keeps docs/unverified.md true: it lists every place in the
// code where a comment says "unverified:".
func TestUnverifiedPage(t *testing.T) {
	var b strings.Builder
	b.WriteString(`# What nobody has confirmed

Written by ` + "`go test -run TestUnverifiedPage . -update`" + ` from the code's ` + "`// unverified:`" + ` comments.
At each of these places AWS's behaviour was chosen, not known: a recording of AWS that proves or
refutes one is welcome. A line of code stands where the comment says no more than "text" of it.
`)
	last := ""
	for _, path := range sources(t) {
		for _, entry := range unverified(t, path) {
			if dir := filepath.Dir(path); dir != last {
				fmt.Fprintf(&b, "\n## %s\n\n", dir)
				last = dir
			}
			fmt.Fprintf(&b, "- %s, %s\n", filepath.Base(path), entry)
		}
	}
	const page = "docs/unverified.md"
	if *update {
		must(t, os.WriteFile(page, []byte(b.String()), 0o644))
	}
	kept, err := os.ReadFile(page)
	must(t, err)
	if string(kept) != b.String() {
		t.Errorf("%s is out of date: go test -run TestUnverifiedPage . -update", page)
	}
}

// sources are the module's Go files that are not tests.
func sources(t *testing.T) []string {
	t.Helper()
	var paths []string
	must(t, filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".go") && !strings.HasSuffix(path, "_test.go") {
			paths = append(paths, path)
		}
		return err
	}))
	return paths
}

const unverifiedMark = "unverified:"

func unverified(t *testing.T, path string) []string {
	t.Helper()
	source, err := os.ReadFile(path)
	must(t, err)
	if !strings.Contains(string(source), unverifiedMark) {
		return nil
	}
	files := token.NewFileSet()
	file, err := parser.ParseFile(files, path, source, parser.ParseComments)
	must(t, err)
	lines := strings.Split(string(source), "\n")
	var entries []string
	for _, group := range file.Comments {
		if group == file.Doc {
			continue // says what the mark means
		}
		text := group.Text()
		for found := true; found; {
			if _, text, found = strings.Cut(text, unverifiedMark); !found {
				break
			}
			said, _, _ := strings.Cut(text, unverifiedMark)
			entry := fmt.Sprintf("`%s`: %s", enclosing(file, group), strings.Join(strings.Fields(said), " "))
			if code, _, trailing := strings.Cut(lines[files.Position(group.Pos()).Line-1], "//"); trailing && strings.TrimSpace(code) != "" {
				entry += fmt.Sprintf(" — `%s`", strings.TrimSpace(code))
			}
			entries = append(entries, entry)
		}
	}
	return entries
}

// enclosing names the declaration that a comment stands in or above.
func enclosing(file *ast.File, comment *ast.CommentGroup) string {
	for _, declaration := range file.Decls {
		if comment.Pos() > declaration.End() {
			continue
		}
		switch d := declaration.(type) {
		case *ast.FuncDecl:
			return d.Name.Name
		case *ast.GenDecl:
			return specName(d, comment)
		}
	}
	return file.Name.Name
}

func specName(d *ast.GenDecl, comment *ast.CommentGroup) string {
	for _, spec := range d.Specs {
		if comment.Pos() > spec.End() && spec != d.Specs[len(d.Specs)-1] {
			continue
		}
		switch s := spec.(type) {
		case *ast.ValueSpec:
			return s.Names[0].Name
		case *ast.TypeSpec:
			return s.Name.Name
		}
	}
	return d.Tok.String()
}
