package stagedoor

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"

	"github.com/stagedoor/stagedoor/internal/console"
	"github.com/stagedoor/stagedoor/internal/gateway"
	"github.com/stagedoor/stagedoor/internal/grants"
)

// newConsole builds the web console. url is this stagedoor's endpoint.
func (p *parts) newConsole(o Options, url string) (*console.Console, error) {
	mode, err := console.ParseMode(o.Console)
	if err != nil {
		return nil, err
	}
	return console.New(console.Options{
		Config: func(credentials aws.CredentialsProvider, from string) aws.Config {
			return p.clientConfig(o, url, credentials, from)
		},
		Gateway:  dataPlane{p.gateway, p.grants.Decision, o.Region},
		Journal:  explanations{p.grants, p.gateway},
		Code:     p.lambda.Code,
		Endpoint: url,
		Account:  o.Account, Region: o.Region,
		Mode: mode, Version: o.Version, Logger: o.Logger,
	}), nil
}

// ConsoleLink returns an address of the console that lets in whoever opens it
// first, for browsers on other machines than this one. It is "" when only this
// machine can reach the port, where nobody needs to sign in, or when the console
// is off.
func (s *Server) ConsoleLink() string {
	address, ok := s.listener.Addr().(*net.TCPAddr)
	if !ok || address.IP.IsLoopback() || console.Mode(s.options.Console) == console.Off {
		return ""
	}
	return s.parts.console.Link("http://" + seenFromElsewhere(address))
}

// seenFromElsewhere is the address of a listener for other machines: its own, or
// this machine's name where it listens at all addresses.
func seenFromElsewhere(address *net.TCPAddr) string {
	if !address.IP.IsUnspecified() {
		return address.String()
	}
	host := "127.0.0.1"
	if addresses, err := net.InterfaceAddrs(); err == nil {
		for _, a := range addresses {
			if network, ok := a.(*net.IPNet); ok && network.IP.To4() != nil && network.IP.IsGlobalUnicast() {
				host = network.IP.String()
				break
			}
		}
	}
	_, port, _ := net.SplitHostPort(address.String())
	return net.JoinHostPort(host, port)
}

// dataPlane shows the gateway to the console.
type dataPlane struct {
	*gateway.Gateway
	decision func(context.Context, string) (*grants.Decision, error)
	region   string
}

func (d dataPlane) Summaries(account, region string) []console.Summary {
	found := d.Gateway.Summary(account, region)
	out := make([]console.Summary, len(found))
	for i, s := range found {
		out[i] = console.Summary{
			API: s.API, Stages: s.Stages, Methods: s.Methods,
			Allowed: s.Cells - s.Refused - s.Broken, Refused: s.Refused, Broken: s.Broken,
		}
	}
	return out
}

func (d dataPlane) Matrix(account, region, api string) []console.Cell {
	var out []console.Cell
	for _, c := range d.Gateway.MatrixOf(account, region, api) {
		out = append(out, console.Cell{
			Cell: whyCell(c), Canary: c.Canary, Integration: c.Integration, SourceARN: c.SourceARN, Credentials: c.Credentials,
		})
	}
	return out
}

func (d dataPlane) Try(ctx context.Context, r *console.TryRequest) (*console.Trace, error) {
	try := gateway.TryRequest{API: r.API, Stage: r.Stage, Verb: r.Method, PathWithQuery: r.Path, Body: r.Body}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		try.SourceIP = host
	}
	header, err := d.signed(ctx, r)
	if err != nil {
		return nil, err
	}
	for name, values := range header {
		for _, value := range values {
			try.Headers = append(try.Headers, [2]string{name, value})
		}
	}
	way, err := d.Gateway.Try(ctx, try)
	if err != nil {
		return nil, err
	}
	out := &console.Trace{Status: way.Status, Header: http.Header{}, Body: way.Body, RequestID: way.RequestID, Latency: way.Duration}
	for _, h := range way.Headers {
		out.Header[h[0]] = append(out.Header[h[0]], h[1])
	}
	for _, s := range way.Steps {
		out.Steps = append(out.Steps, console.Step{Name: s.Name, What: s.What, OK: s.OK, Duration: s.Duration})
		if s.Decision == "" || out.Decision != nil {
			continue
		}
		if out.Decision, err = d.decision(ctx, s.Decision); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// signed returns the header that r is sent with: its own, and with credentials
// the signature of an execute-api call.
func (d dataPlane) signed(ctx context.Context, r *console.TryRequest) (http.Header, error) {
	if r.Credentials == nil {
		return r.Header, nil
	}
	credentials, err := r.Credentials.Retrieve(ctx)
	if err != nil {
		return nil, err
	}
	url := "http://" + r.API + ".execute-api.localhost/" + r.Stage + "/" + strings.TrimPrefix(r.Path, "/")
	request, err := http.NewRequestWithContext(ctx, r.Method, url, bytes.NewReader(r.Body))
	if err != nil {
		return nil, err
	}
	request.Header = r.Header.Clone()
	if request.Header == nil {
		request.Header = http.Header{}
	}
	digest := sha256.Sum256(r.Body)
	region := r.Region
	if region == "" {
		region = d.region
	}
	if err := v4.NewSigner().SignHTTP(ctx, credentials, request, hex.EncodeToString(digest[:]), "execute-api", region, time.Now()); err != nil {
		return nil, err
	}
	return request.Header, nil
}
