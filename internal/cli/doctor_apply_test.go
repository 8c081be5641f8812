package cli

import (
	"context"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	rest "github.com/aws/aws-sdk-go-v2/service/apigateway/types"

	"github.com/stagedoor/stagedoor"
	"github.com/stagedoor/stagedoor/internal/target"
)

// The whole way through the command line: --apply mends the verb, the second
// look shows what no command can mend, and --save holds that.
func TestDoctorApply(t *testing.T) {
	endpoint := startStagedoor(t)
	deployBroken(t, endpoint)
	if _, _, code := doctorRun(t, "--endpoint-url", endpoint, "--fail-on", "error"); code != 1 {
		t.Fatalf("before: exit code %d, want 1", code)
	}
	if _, stderr, code := doctorRun(t, "--endpoint-url", endpoint, "--apply"); code != 2 || !strings.Contains(stderr, "give --yes") {
		t.Errorf("without a terminal: exit code %d, %q", code, stderr)
	}
	file := filepath.Join(t.TempDir(), "account.json")
	out, stderr, code := doctorRun(t, "--endpoint-url", endpoint, "--apply", "--yes", "--fail-on", "error", "--save", file)
	if code != 1 || !strings.Contains(out, "SD101") {
		t.Errorf("exit code %d\n%s\n%s", code, out, stderr)
	}
	if !strings.Contains(stderr, "+ aws apigateway update-integration") {
		t.Errorf("the command was not told: %s", stderr)
	}
	if info, err := os.Stat(file); err != nil || info.Mode().Perm() != 0o600 {
		t.Errorf("%v %v", info, err)
	}
	if again, _, _ := doctorRun(t, "--from", file); strings.Contains(again, "SD037") {
		t.Errorf("not mended:\n%s", again)
	}
}

func startStagedoor(t *testing.T) (endpoint string) {
	t.Helper()
	s, err := stagedoor.New(stagedoor.Options{Ephemeral: true, Listen: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(context.Background()); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		if err := s.Close(ctx); err != nil {
			t.Error(err)
		}
	})
	return s.Endpoint()
}

// deployBroken makes a method that calls a function that is not there, by GET.
func deployBroken(t *testing.T, endpoint string) {
	t.Helper()
	config, _, err := target.Place{Endpoint: endpoint}.Config(context.Background())
	if err != nil {
		t.Fatal(err)
	}
	client, ctx := apigateway.NewFromConfig(config), context.Background()
	api, err := client.CreateRestApi(ctx, &apigateway.CreateRestApiInput{Name: aws.String("shop")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.PutMethod(ctx, &apigateway.PutMethodInput{RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: aws.String("GET"), AuthorizationType: aws.String("NONE")})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.PutIntegration(ctx, &apigateway.PutIntegrationInput{
		RestApiId: api.Id, ResourceId: api.RootResourceId, HttpMethod: aws.String("GET"), Type: rest.IntegrationTypeAwsProxy, IntegrationHttpMethod: aws.String("GET"),
		Uri: aws.String("arn:aws:apigateway:us-east-1:lambda:path/2015-03-31/functions/arn:aws:lambda:us-east-1:000000000000:function:gone/invocations"),
	})
	if err != nil {
		t.Fatal(err)
	}
	if _, err = client.CreateDeployment(ctx, &apigateway.CreateDeploymentInput{RestApiId: api.Id, StageName: aws.String("prod")}); err != nil {
		t.Fatal(err)
	}
}
