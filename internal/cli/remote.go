package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"syscall"
	"time"
)

// remote asks a running stagedoor what AWS has no operation for.
type remote struct {
	endpoint string
	client   *http.Client
}

func newRemote(endpoint string) *remote {
	transport := http.DefaultTransport.(*http.Transport).Clone()
	transport.ResponseHeaderTimeout = answerTimeout
	return &remote{endpoint: endpoint, client: &http.Client{Transport: transport}}
}

// answerTimeout is how long an answer may take to begin: whatever else listens
// at the endpoint may never answer.
const answerTimeout = 30 * time.Second

// errNotRunning says that nobody listens at the endpoint.
var errNotRunning = errors.New("no stagedoor runs there")

func notRunning(endpoint string) error {
	return fmt.Errorf("%w: nothing listens at %s; start it with \"stagedoor up\", or say where it is with --endpoint-url", errNotRunning, endpoint)
}

// statusError is an answer that is not 2xx.
type statusError struct {
	status  int
	message string
}

func (e *statusError) Error() string { return e.message }

// get decodes the JSON at path into out.
func (r *remote) get(ctx context.Context, path string, out any) error {
	body, err := r.do(ctx, http.MethodGet, path, nil)
	if err != nil {
		return err
	}
	defer body.Close()
	if err := json.NewDecoder(body).Decode(out); err != nil {
		return fmt.Errorf("%s answers something else than stagedoor would (is another program listening there?): %w", r.endpoint, err)
	}
	return nil
}

// do returns the body of a 2xx answer.
func (r *remote) do(ctx context.Context, method, path string, body io.Reader) (io.ReadCloser, error) {
	request, err := http.NewRequestWithContext(ctx, method, r.endpoint+"/_stagedoor/"+path, body)
	if err != nil {
		return nil, err
	}
	response, err := r.client.Do(request)
	if errors.Is(err, syscall.ECONNREFUSED) {
		return nil, notRunning(r.endpoint)
	}
	if err != nil {
		return nil, err
	}
	if response.StatusCode/100 == 2 {
		return response.Body, nil
	}
	defer response.Body.Close()
	text, err := io.ReadAll(io.LimitReader(response.Body, 64<<10))
	if err != nil {
		return nil, err
	}
	var problem struct {
		Message string `json:"message"`
	}
	if json.Unmarshal(text, &problem) != nil || problem.Message == "" {
		problem.Message = fmt.Sprintf("%s answered %s: is a stagedoor there?", r.endpoint, response.Status)
	}
	return nil, &statusError{status: response.StatusCode, message: problem.Message}
}

// segment escapes one element of a path.
func segment(text string) string { return url.PathEscape(text) }
