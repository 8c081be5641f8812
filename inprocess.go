package stagedoor

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// inProcess carries the requests of AWS's own clients to the control plane in
// this process, without a connection: what the console asks passes the same
// signature, permission and validation checks as everybody's calls.
type inProcess struct {
	control http.Handler
	// from is the address that policies see as aws:SourceIp, HOST:PORT.
	from string
}

// RoundTrip implements http.RoundTripper.
func (t inProcess) RoundTrip(r *http.Request) (*http.Response, error) {
	in := r.Clone(r.Context())
	in.RequestURI = r.URL.RequestURI()
	in.RemoteAddr = t.from
	if in.Host == "" {
		in.Host = r.URL.Host
	}
	if in.Body == nil {
		in.Body = http.NoBody
	}
	defer in.Body.Close()
	kept := &reply{header: http.Header{}}
	t.control.ServeHTTP(kept, in)
	if err := r.Context().Err(); err != nil {
		return nil, err
	}
	return kept.response(r), nil
}

// reply is an http.ResponseWriter that keeps what is written.
type reply struct {
	header http.Header
	sent   http.Header
	status int
	body   bytes.Buffer
}

func (a *reply) Header() http.Header { return a.header }

func (a *reply) WriteHeader(status int) {
	// 1xx are on the way to an answer, not one.
	if a.status == 0 && status >= http.StatusOK {
		a.status, a.sent = status, make(http.Header, len(a.header))
		// Names may be spelled as AWS spells them; a client reads them in
		// canonical form off a connection, and so here.
		for name, values := range a.header {
			for _, value := range values {
				a.sent.Add(name, value)
			}
		}
	}
}

func (a *reply) Write(p []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(p)
}

func (a *reply) response(r *http.Request) *http.Response {
	a.WriteHeader(http.StatusOK)
	return &http.Response{
		Status: http.StatusText(a.status), StatusCode: a.status,
		Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: a.sent, Body: io.NopCloser(&a.body), ContentLength: int64(a.body.Len()), Request: r,
	}
}

// clientConfig configures clients of the AWS SDK that reach the control plane
// in this process. from is the address of the person for whom they ask.
func (p *parts) clientConfig(o Options, url string, credentials aws.CredentialsProvider, from string) aws.Config {
	return aws.Config{
		Region: o.Region, BaseEndpoint: aws.String(url), Credentials: credentials,
		HTTPClient: &http.Client{Transport: inProcess{p.control, from}},
	}
}
