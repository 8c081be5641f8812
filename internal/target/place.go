package target

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/apigatewayv2"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/logging"
)

// Place says where to look. The zero value is the stagedoor on this machine.
type Place struct {
	// AWS is a real account: Profile of the aws CLI, or without one whatever
	// credentials the environment and the CLI give.
	AWS     bool
	Profile string
	Region  string // "" asks the environment, then the profile
	// Endpoint is the URL that is asked. With AWS "" is AWS itself, otherwise
	// DefaultEndpoint.
	Endpoint string
	// Getenv reads the environment; nil: there is none.
	Getenv func(string) string
}

// DefaultEndpoint is where stagedoor listens unless told otherwise.
const DefaultEndpoint = "http://127.0.0.1:4566"

// Config makes the SDK's configuration for a place, and a counter of the HTTP
// requests that are sent with it. Throttled and broken requests are repeated, see
// patience.
func (p Place) Config(ctx context.Context) (aws.Config, func() int64, error) {
	return p.config(ctx, retry.NewExponentialJitterBackoff(maxBackoff))
}

// config is Config; wait is how long to wait before a request is repeated.
func (p Place) config(ctx context.Context, wait retry.BackoffDelayer) (aws.Config, func() int64, error) {
	if p.Getenv == nil {
		p.Getenv = func(string) string { return "" }
	}
	if err := checkEndpoint(p.Endpoint); err != nil {
		return aws.Config{}, nil, err
	}
	counter := &countingClient{client: awshttp.NewBuildableClient()}
	config := aws.Config{
		Region:     firstOf(p.Region, p.Getenv("AWS_REGION"), p.Getenv("AWS_DEFAULT_REGION")),
		Retryer:    func() aws.Retryer { return patience(wait) },
		HTTPClient: counter,
	}
	if !p.AWS {
		config.BaseEndpoint = aws.String(firstOf(p.Endpoint, DefaultEndpoint))
		config.Region = firstOf(config.Region, "us-east-1")
		config.Credentials = credentials.NewStaticCredentialsProvider(
			firstOf(p.Getenv("AWS_ACCESS_KEY_ID"), "test"), firstOf(p.Getenv("AWS_SECRET_ACCESS_KEY"), "test"), p.Getenv("AWS_SESSION_TOKEN"))
		return config, counter.requests.Load, nil
	}
	if p.Endpoint != "" {
		config.BaseEndpoint = aws.String(p.Endpoint)
	}
	if err := p.account(ctx, &config); err != nil {
		return aws.Config{}, nil, err
	}
	return config, counter.requests.Load, nil
}

// checkEndpoint refuses what is no URL: the SDK's own words about it come late.
func checkEndpoint(endpoint string) error {
	if endpoint == "" {
		return nil
	}
	u, err := url.Parse(endpoint)
	if err == nil && (u.Scheme == "http" || u.Scheme == "https") && u.Host != "" {
		return nil
	}
	return fmt.Errorf("the endpoint %q is no URL: give it as %s, with http:// or https://", endpoint, DefaultEndpoint)
}

// account finds credentials and region of a real account in the SDK's standard
// chain: environment, shared configuration (profiles, SSO, roles, processes),
// container and instance metadata. Nothing else is taken from it, an endpoint
// above all: "stagedoor env" sets one, and --aws means AWS.
func (p Place) account(ctx context.Context, into *aws.Config) error {
	found, err := config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(p.Profile), config.WithLogger(logging.Nop{}))
	if missing := (config.SharedConfigProfileNotExistError{}); errors.As(err, &missing) {
		return fmt.Errorf("the aws CLI's configuration has no profile %q: \"aws configure list-profiles\" lists those that it has", p.Profile)
	}
	if err == nil {
		into.Credentials = found.Credentials
		_, err = into.Credentials.Retrieve(ctx)
	}
	if err != nil {
		return fmt.Errorf("no AWS credentials: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or sign in with the aws CLI (aws configure, aws sso login) and name the profile with --profile: %w", err)
	}
	if into.Region == "" {
		into.Region = found.Region
	}
	if into.Region == "" {
		return errors.New("no AWS region: give --region, or set AWS_REGION")
	}
	return nil
}

// FromConfig makes the clients of a place.
func FromConfig(config aws.Config, requests func() int64) *Clients {
	var mu sync.Mutex
	regions := map[string]Functions{}
	return &Clients{
		RestAPIs: apigateway.NewFromConfig(config),
		HTTPAPIs: apigatewayv2.NewFromConfig(config),
		Functions: func(region string) Functions {
			mu.Lock()
			defer mu.Unlock()
			if regions[region] == nil {
				regions[region] = lambda.NewFromConfig(config, func(o *lambda.Options) { o.Region = region })
			}
			return regions[region]
		},
		Roles:    iam.NewFromConfig(config),
		Tokens:   sts.NewFromConfig(config),
		Region:   config.Region,
		Endpoint: aws.ToString(config.BaseEndpoint),
		Requests: requests,
	}
}

// countingClient counts the requests that leave.
type countingClient struct {
	client   aws.HTTPClient
	requests atomic.Int64
}

func (c *countingClient) Do(r *http.Request) (*http.Response, error) {
	c.requests.Add(1)
	return c.client.Do(r)
}

func firstOf(values ...string) string {
	for _, v := range values {
		if v != "" {
			return v
		}
	}
	return ""
}
