package target

import (
	"context"
	"net/http"
	"path/filepath"
	"strings"
	"testing"
)

// What keeps a place from being read is said with its remedy, without what the
// SDK puts around it.
func TestPlacesThatCannotBeRead(t *testing.T) {
	for _, c := range []struct {
		name string
		answering
		want string
	}{
		{"a key that nobody knows", answering{answer: answer{403, "InvalidClientTokenId", `{"message":"The security token included in the request is invalid."}`}},
			"check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN, or the profile, and sign in again where they have expired: The security token included in the request is invalid. (InvalidClientTokenId)"},
		{"a wrong signature", answering{answer: answer{403, "SignatureDoesNotMatch", `{"message":"The request signature we calculated does not match.\n\nThe Canonical String"}`}},
			"does not match. (SignatureDoesNotMatch)"},
		{"another server", answering{answer: answer{404, "", "<html>not here"}}, "does it speak AWS's protocols?"},
		{"a broken connection", answering{broken: &brokenConnection{}}, "cannot be reached; is the address right, and the network there? no route to host"},
	} {
		t.Run(c.name, func(t *testing.T) {
			config, requests, err := Place{Endpoint: "http://place.test"}.config(context.Background(), noWait{})
			if err != nil {
				t.Fatal(err)
			}
			config.HTTPClient.(*countingClient).client = asXML{c.answering}
			_, err = Read(context.Background(), FromConfig(config, requests), Options{})
			if err == nil || !strings.HasPrefix(err.Error(), "http://place.test ") || !strings.Contains(err.Error(), c.want) || strings.Contains(err.Error(), "Canonical") {
				t.Errorf("%v, want %q", err, c.want)
			}
		})
	}
}

// asXML answers errors as the query protocol of STS has them.
type asXML struct{ answering }

func (a asXML) Do(r *http.Request) (*http.Response, error) {
	message := strings.TrimSuffix(strings.TrimPrefix(a.body, `{"message":"`), `"}`)
	if a.code != "" {
		a.body = "<ErrorResponse><Error><Code>" + a.code + "</Code><Message>" + strings.ReplaceAll(message, `\n`, "\n") + "</Message></Error></ErrorResponse>"
	}
	return a.answering.Do(r)
}

type brokenConnection struct{}

func (*brokenConnection) Error() string   { return "no route to host" }
func (*brokenConnection) Timeout() bool   { return false }
func (*brokenConnection) Temporary() bool { return false }

func TestPlacesThatAreNone(t *testing.T) {
	for endpoint, want := range map[string]string{
		"127.0.0.1:4566": "is no URL: give it as http://127.0.0.1:4566", "localhost": "is no URL", "ftp://x": "is no URL", "http://": "is no URL",
		"http://127.0.0.1:4566": "", "https://x.test/": "",
	} {
		_, _, err := Place{Endpoint: endpoint}.Config(context.Background())
		if (err == nil) != (want == "") || err != nil && !strings.Contains(err.Error(), want) {
			t.Errorf("%s: %v, want %q", endpoint, err, want)
		}
	}
	nowhere := filepath.Join(t.TempDir(), "none")
	t.Setenv("AWS_CONFIG_FILE", nowhere)
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", nowhere)
	_, _, err := Place{AWS: true, Profile: "nobody"}.Config(context.Background())
	if err == nil || !strings.Contains(err.Error(), `no profile "nobody"`) {
		t.Errorf("profile: %v", err)
	}
}
