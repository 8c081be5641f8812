package console

import (
	"bytes"
	"embed"
	"fmt"
	"html/template"
	"sync"
	"time"
)

//go:embed templates/*.html
var templateFiles embed.FS

// templates parses each page when it is first shown, together with the frame
// and the partials: the process starts without them.
type templates struct {
	assets func() *assets
	mu     sync.Mutex
	parsed map[string]func() (*template.Template, error)
}

func (t *templates) get(name string) (*template.Template, error) {
	t.mu.Lock()
	once := t.parsed[name]
	if once == nil {
		if t.parsed == nil {
			t.parsed = map[string]func() (*template.Template, error){}
		}
		once = sync.OnceValues(func() (*template.Template, error) {
			return template.New("base.html").Funcs(t.functions()).
				ParseFS(templateFiles, "templates/base.html", "templates/partials.html", "templates/explanation.html", "templates/"+name+".html")
		})
		t.parsed[name] = once
	}
	t.mu.Unlock()
	return once()
}

// render writes a page, or its fragment for an element: the template
// "fragment-ID", where the page defines one.
func (t *templates) render(buf *bytes.Buffer, p *page, element string) error {
	parsed, err := t.get(p.Template)
	if err != nil {
		return err
	}
	if element != "" {
		if fragment := parsed.Lookup("fragment-" + element); fragment != nil {
			return fragment.Execute(buf, p)
		}
	}
	return parsed.Execute(buf, p)
}

// functions are what templates can call beside the methods of the page.
func (t *templates) functions() template.FuncMap {
	return template.FuncMap{
		"asset":        func(name string) (string, error) { return t.assets().url(name) },
		"apiURL":       apiURL,
		"stageURL":     stageURL,
		"cellURL":      cellURL,
		"functionURL":  functionURL,
		"logsURL":      logsURL,
		"tryURL":       tryURL,
		"refusalURL":   refusalURL,
		"query":        query,
		"with":         with,
		"plural":       plural,
		"moment":       moment,
		"stamp":        stamp,
		"lastOf":       lastOf,
		"breakable":    breakable,
		"folded":       folded,
		"size":         size,
		"took":         took,
		"clock":        clock,
		"shortHash":    shortHash,
		"statusKind":   statusKind,
		"requestURL":   requestURL,
		"logGroupURL":  logGroupURL,
		"capital":      capital,
		"runURL":       runURL,
		"pipelineURL":  pipelineURL,
		"functionName": shortFunction,
		"pair":         func(a, b any) []any { return []any{a, b} },
		"dict":         dict,
	}
}

// dict makes a map of names and values in turn, for partials that take several.
func dict(namesAndValues ...any) (map[string]any, error) {
	m := make(map[string]any, len(namesAndValues)/2)
	for i := 0; i+1 < len(namesAndValues); i += 2 {
		name, ok := namesAndValues[i].(string)
		if !ok {
			return nil, fmt.Errorf("dict: %v is no name", namesAndValues[i])
		}
		m[name] = namesAndValues[i+1]
	}
	return m, nil
}

// plural is "1 stage", "3 stages"; words whose plural is not made with s are
// given as a third argument.
func plural(n int, one string, many ...string) string {
	switch {
	case n == 1:
		return "1 " + one
	case len(many) > 0:
		return fmt.Sprintf("%d %s", n, many[0])
	default:
		return fmt.Sprintf("%d %ss", n, one)
	}
}

// moment is a time for machines, in <time datetime>.
func moment(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// stamp is a time for people.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02 15:04:05 UTC") }
