package stagedoor

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/stagedoor/stagedoor/internal/console"
)

func get(t *testing.T, client *http.Client, address string) (status int, body string) {
	t.Helper()
	response, err := client.Get(address)
	must(t, err)
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	must(t, err)
	return response.StatusCode, string(text)
}

// What the console asks is judged as everybody's calls are, the address of the
// person included.
func TestConsoleCallsAreAuthorized(t *testing.T) {
	s := start(t)
	p := newPeople(t, s)
	user := p.user("viewer", `{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"lambda:ListFunctions","Resource":"*",
		"Condition":{"IpAddress":{"aws:SourceIp":"192.0.2.0/24"}}}]}`)
	for from, code := range map[string]string{"192.0.2.7:5000": "", "198.51.100.1:5000": "AccessDeniedException"} {
		config := s.parts.clientConfig(s.options, s.Endpoint(), user.Credentials, from)
		_, err := lambda.NewFromConfig(config).ListFunctions(t.Context(), &lambda.ListFunctionsInput{})
		if code == "" {
			must(t, err)
			continue
		}
		refusedAs(t, err, code, 403, "User: arn:aws:iam::000000000000:user/viewer is not authorized to perform: lambda:ListFunctions on resource: * because no identity-based policy allows the lambda:ListFunctions action")
	}
}

func TestConsoleModes(t *testing.T) {
	if _, err := New(Options{Console: "maybe"}); err == nil || !strings.Contains(err.Error(), "read-only") {
		t.Errorf("--console maybe: %v", err)
	}
	s := start(t, func(s *Server) { s.options.Console = "off" })
	if status, body := get(t, http.DefaultClient, s.Endpoint()+console.Prefix); status != 404 || !strings.Contains(body, "--console") {
		t.Errorf("off: %d %s", status, body)
	}
	if link := s.ConsoleLink(); link != "" {
		t.Errorf("off, and a link: %s", link)
	}
	s = start(t)
	if status, body := get(t, http.DefaultClient, s.Endpoint()+console.Prefix); status != 200 || !strings.Contains(body, "No API yet") {
		t.Errorf("on: %d %s", status, body)
	}
	if link := s.ConsoleLink(); link != "" {
		t.Errorf("only this machine can reach the port, and there is a link: %s", link)
	}
}

// A port that others can reach has a link that lets in its first user.
func TestConsoleLink(t *testing.T) {
	s := start(t, func(s *Server) { s.options.Listen = "0.0.0.0:0" })
	link, err := url.Parse(s.ConsoleLink())
	must(t, err)
	if link.Host == "" || strings.HasPrefix(link.Host, "0.0.0.0") {
		t.Fatalf("link %s", link)
	}
	// The address of another machine: one of this machine's own that is not
	// loopback. Where there is none, nobody else can come.
	if ip := net.ParseIP(link.Hostname()); ip == nil || ip.IsLoopback() {
		t.Skip("this machine has no address but loopback")
	}
	jar, err := cookiejar.New(nil)
	must(t, err)
	first, second := &http.Client{Jar: jar}, &http.Client{}
	base := "http://" + link.Host + console.Prefix
	get(t, first, link.String())
	get(t, second, link.String())
	for who, let := range map[*http.Client]bool{first: true, second: false, {}: false} {
		if _, body := get(t, who, base); strings.Contains(body, "No API yet") != let || strings.Contains(body, "Sign in") == let {
			t.Errorf("let in is %v, want %v:\n%s", !let, let, body)
		}
	}
}

// A page that follows what happens does not keep stagedoor from ending.
func TestOpenPagesDoNotDelayTheEnd(t *testing.T) {
	s, err := New(Options{Listen: "127.0.0.1:0", Ephemeral: true})
	must(t, err)
	must(t, s.Start(t.Context()))
	jar, err := cookiejar.New(nil)
	must(t, err)
	client := &http.Client{Jar: jar}
	get(t, client, s.Endpoint()+console.Prefix)
	response, err := client.Get(s.Endpoint() + console.Prefix + "refusals/live")
	must(t, err)
	defer response.Body.Close()
	if response.StatusCode != 200 || !strings.HasPrefix(response.Header.Get("Content-Type"), "text/event-stream") {
		t.Fatalf("the live list answers %d %s", response.StatusCode, response.Header)
	}
	// Close reports an error when the port's requests have not ended in time.
	ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
	defer cancel()
	must(t, s.Close(ctx))
}
