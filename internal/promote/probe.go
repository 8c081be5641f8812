package promote

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"
)

// Probe is a request that has to be answered with a status, or the promotion is
// rolled back.
type Probe struct {
	Verb   string `json:"verb"`
	Path   string `json:"path"` // behind the stage, with its query
	Status int    `json:"status"`
}

func (p Probe) String() string { return fmt.Sprintf("%s:%s=%d", p.Verb, p.Path, p.Status) }

// ProbeResult is how a probe was answered.
type ProbeResult struct {
	Probe
	Got   int    `json:"got"`             // status; 0: no answer
	Error string `json:"error,omitempty"` // why there was none
	OK    bool   `json:"ok"`
}

// ParseProbe reads VERB:PATH=STATUS, for example GET:/health=200.
func ParseProbe(text string) (Probe, error) {
	wrong := fmt.Errorf("--probe %q is not of the form VERB:/PATH=STATUS, for example GET:/health=200", text)
	verb, rest, found := strings.Cut(text, ":")
	at := strings.LastIndexByte(rest, '=')
	if !found || at < 0 || !strings.HasPrefix(rest, "/") {
		return Probe{}, wrong
	}
	status, err := strconv.Atoi(rest[at+1:])
	verbs := []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete, http.MethodOptions}
	if err != nil || status < 100 || status > 599 || !slices.Contains(verbs, verb) {
		return Probe{}, wrong
	}
	return Probe{Verb: verb, Path: rest[:at], Status: status}, nil
}

// probe sends the probes. One that is not answered as it should be undoes the
// promotion.
func (r *runner) probe(ctx context.Context) error {
	for _, p := range r.plan.Request.Probes {
		result := r.send(ctx, p)
		if err := ctx.Err(); err != nil {
			return context.Cause(ctx)
		}
		r.result.Probes = append(r.result.Probes, result)
		r.say(Event{Kind: "probe", Text: result.text(), Bad: !result.OK})
		if !result.OK {
			return final("probe %s", result.text())
		}
	}
	return nil
}

func (p *ProbeResult) text() string {
	got := strconv.Itoa(p.Got)
	if p.Got == 0 {
		got = "no answer (" + p.Error + ")"
	}
	if p.OK {
		return p.Verb + " " + p.Path + " answered " + got
	}
	return fmt.Sprintf("%s %s answered %s and not %d", p.Verb, p.Path, got, p.Status)
}

// On AWS a new deployment reaches a stage's servers over tens of seconds (seen
// there: old and new answers mixed): a probe that fails is sent again for so
// long. A stagedoor is immediate.
const (
	probeAgainFor   = 45 * time.Second
	probeAgainAfter = 3 * time.Second
	probeTimeout    = 35 * time.Second // API Gateway answers within 29 s
)

func (r *runner) send(ctx context.Context, p Probe) ProbeResult {
	began := time.Now()
	for {
		result := r.sendOnce(ctx, p)
		if result.OK || r.w.place.Clients.Endpoint != "" || time.Since(began) > probeAgainFor || sleep(ctx, probeAgainAfter) != nil {
			return result
		}
	}
}

func (r *runner) sendOnce(ctx context.Context, p Probe) ProbeResult {
	result := ProbeResult{Probe: p}
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, p.Verb, r.plan.invokeURL()+p.Path, nil)
	if err != nil {
		result.Error = err.Error()
		return result
	}
	request.Header.Set("User-Agent", "stagedoor-promote")
	response, err := r.w.place.HTTP.Do(request)
	if err != nil {
		result.Error = err.Error()
		return result
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, 1<<20)) // only the status counts
	result.Got, result.OK = response.StatusCode, response.StatusCode == p.Status
	return result
}

// invokeURL is where the stage answers.
func (p *Plan) invokeURL() string {
	endpoint := p.work.place.Clients.Endpoint
	switch {
	case p.Request.ProbeURL != "":
		return strings.TrimSuffix(p.Request.ProbeURL, "/")
	case endpoint != "":
		return strings.TrimSuffix(endpoint, "/") + "/restapis/" + p.API + "/" + p.Stage.Name + "/_user_request_"
	}
	suffix := ".amazonaws.com"
	if partition(p.Region) == "aws-cn" {
		suffix += ".cn"
	}
	return "https://" + p.API + ".execute-api." + p.Region + suffix + "/" + p.Stage.Name
}
