package endpoint

import (
	"maps"
	"net/http"
	"slices"
	"strconv"
)

// Health is what /_stagedoor/health and /_localstack/health answer.
type Health struct {
	// Services says how each service does, by its AWS name: "running",
	// "available" or "error".
	Services map[string]string
	// Edition and Version name the program. Empty: "stagedoor" and "dev".
	Edition, Version string
}

// serveHealth writes the form that LocalStack's health page has, blanks after
// the colons included: wait scripts search it for text such as
// `"lambda": "running"`.
func serveHealth(w http.ResponseWriter, r *http.Request, h Health) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		w.Header().Set("Allow", "GET, HEAD")
		http.Error(w, "stagedoor: the health page is only read", http.StatusMethodNotAllowed)
		return
	}
	body := append([]byte(nil), `{"services": {`...)
	for i, name := range slices.Sorted(maps.Keys(h.Services)) {
		if i > 0 {
			body = append(body, ", "...)
		}
		body = strconv.AppendQuote(body, name)
		body = append(body, ": "...)
		body = strconv.AppendQuote(body, h.Services[name])
	}
	body = append(body, `}, "edition": `...)
	body = strconv.AppendQuote(body, or(h.Edition, "stagedoor"))
	body = append(body, `, "version": `...)
	body = strconv.AppendQuote(body, or(h.Version, "dev"))
	body = append(body, '}')
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	_, _ = w.Write(body) // a client that has gone needs no health
}

func or(s, fallback string) string {
	if s == "" {
		return fallback
	}
	return s
}
