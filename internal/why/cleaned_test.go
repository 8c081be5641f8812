package why

import (
	"bytes"
	"io"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/terminal"
)

// hostile fills everything with texts that would take over a terminal.
func hostile(v reflect.Value) {
	switch v.Kind() {
	case reflect.String:
		v.SetString("a\x1b[2J\u202e\u009b31m\rb")
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		hostile(v.Elem())
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		hostile(v.Index(0))
		hostile(v.Index(1))
	case reflect.Array:
		for i := range v.Len() {
			hostile(v.Index(i))
		}
	case reflect.Struct:
		for i := range v.NumField() {
			if v.Field(i).CanSet() {
				hostile(v.Field(i))
			}
		}
	}
}

func made[T any]() *T {
	v := new(T)
	hostile(reflect.ValueOf(v).Elem())
	return v
}

// Whatever a request, a policy or a dump says, nothing of it moves the cursor,
// colours, or turns the direction of writing.
func TestNothingHostileIsPrinted(t *testing.T) {
	for name, print := range map[string]func(w io.Writer) error{
		"door":        func(w io.Writer) error { return printKind(w, grants.DoorKind) },
		"front":       func(w io.Writer) error { return printKind(w, grants.FrontKind) },
		"caller":      func(w io.Writer) error { return printKind(w, grants.CallerKind) },
		"list":        func(w io.Writer) error { return List(w, []*grants.Decision{made[grants.Decision]()}, time.Now()) },
		"matrix":      func(w io.Writer) error { return Matrix(w, []Cell{*made[Cell]()}) },
		"examination": func(w io.Writer) error { return Examine(w, made[Examination]()) },
		"failure":     func(w io.Writer) error { return PrintFailure(w, made[Failure]()) },
		"finding":     func(w io.Writer) error { return PrintFinding(w, made[Finding]()) },
		"note":        func(w io.Writer) error { return PrintNote(w, *made[string]()) },
		"commands":    func(w io.Writer) error { return Commands(w, *made[[]string]()) },
	} {
		t.Run(name, func(t *testing.T) {
			var b bytes.Buffer
			if err := print(&b); err != nil {
				t.Fatal(err)
			}
			text := strings.ReplaceAll(b.String(), "\n", "")
			if at := strings.IndexFunc(text, terminal.Unsafe); at >= 0 || !strings.Contains(text, "a[2J31m") {
				t.Errorf("%q", b.String())
			}
		})
	}
}

func printKind(w io.Writer, kind grants.Kind) error {
	d := made[grants.Decision]()
	d.Kind, d.Nearest = kind, 1
	return Print(w, d)
}
