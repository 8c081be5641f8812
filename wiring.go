package stagedoor

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	apitypes "github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs/types"

	"github.com/stagedoor/stagedoor/awswire"
	"github.com/stagedoor/stagedoor/internal/admin"
	"github.com/stagedoor/stagedoor/internal/console"
	"github.com/stagedoor/stagedoor/internal/endpoint"
	"github.com/stagedoor/stagedoor/internal/gateway"
	"github.com/stagedoor/stagedoor/internal/grants"
	"github.com/stagedoor/stagedoor/internal/identity"
	"github.com/stagedoor/stagedoor/internal/invoke"
	"github.com/stagedoor/stagedoor/internal/logs"
	"github.com/stagedoor/stagedoor/internal/metrics"
	"github.com/stagedoor/stagedoor/internal/sandbox"
	"github.com/stagedoor/stagedoor/internal/service/apigateway"
	"github.com/stagedoor/stagedoor/internal/service/cloudwatch"
	"github.com/stagedoor/stagedoor/internal/service/iam"
	"github.com/stagedoor/stagedoor/internal/service/lambda"
	logsservice "github.com/stagedoor/stagedoor/internal/service/logs"
	"github.com/stagedoor/stagedoor/internal/service/sts"
	"github.com/stagedoor/stagedoor/internal/store"
)

// parts are everything a Server is made of, in the order in which each is
// built on those before it. They are closed in the opposite order.
type parts struct {
	store    *store.Store
	logs     *logs.Logs
	metrics  *metrics.Metrics
	grants   *grants.Grants
	callers  *grants.Callers
	identity *identity.Identity
	sandbox  sandbox.Driver
	broker   *invoke.Broker
	gateway  *gateway.Gateway
	iam      *iam.Service
	lambda   *lambda.Service
	apis     *apigateway.Service
	// operations are the handlers by service, as the models name both.
	operations map[string]awswire.Operations
	control    *awswire.Server
	console    *console.Console
	endpoint   *endpoint.Server

	closers []func(context.Context) error
}

// wire builds the parts. url is the endpoint as functions reach it.
func wire(ctx context.Context, o Options, url string) (p *parts, err error) {
	p = &parts{}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close(ctx))
		}
	}()
	if err := p.memory(ctx, o); err != nil {
		return p, err
	}
	if err := p.running(o, url); err != nil {
		return p, err
	}
	p.gateway = gateway.New(p.store, p.grants, p.broker, p.logs, gateway.Options{
		RawHeader: endpoint.RawHeader, Logger: o.Logger,
		Callers: callers{p.identity, p.callers, time.Now}, Metrics: p.metrics,
	})
	p.closing(p.gateway.Close)
	p.services(o)
	if p.console, err = p.newConsole(o, url); err != nil {
		return p, err
	}
	p.endpoint = endpoint.New(endpoint.Options{
		DataPlane:    p.gateway,
		ControlPlane: p.control,
		Admin:        admin.New(explanations{p.grants, p.gateway}, p.store, p.lambda.Code, p.console),
		Health:       func() endpoint.Health { return health(o.Version) },
		Logger:       o.Logger,
	})
	p.closing(p.endpoint.Shutdown)
	p.closing(p.console.Close) // before the port, which waits for its streams
	return p, nil
}

// memory builds what remembers: records, logs, and the judgement over them.
func (p *parts) memory(ctx context.Context, o Options) (err error) {
	p.store, err = store.Open(ctx, store.Options{Dir: o.Data, Ephemeral: o.Ephemeral, URL: o.NATS, Logger: o.Logger})
	if err != nil {
		return err
	}
	p.closing(func(context.Context) error { return p.store.Close() })
	p.logs, err = logs.New(p.store, logs.Options{Logger: o.Logger})
	if err != nil {
		return err
	}
	p.closing(p.logs.Close)
	p.metrics, err = metrics.New(p.store, metrics.Options{Logger: o.Logger})
	if err != nil {
		return err
	}
	p.closing(p.metrics.Close)
	mode, err := grants.ParseMode(o.Grants)
	if err != nil {
		return err
	}
	p.grants = grants.New(p.store, grants.Options{Mode: mode, Logger: o.Logger, ManagedPolicy: iam.ManagedPolicy, LaxRoles: o.LaxRoles})
	p.closing(p.grants.Close)
	p.callers = grants.NewCallers(p.grants)
	p.identity = identity.New(p.store, identity.Options{Account: o.Account, Region: o.Region, Strict: o.Credentials == "strict"})
	return nil
}

// running builds what runs functions.
func (p *parts) running(o Options, url string) (err error) {
	p.sandbox, err = sandbox.NewProcess(sandbox.Options{
		CacheDir:    codeCache(o),
		Code:        p.store.GetBlob,
		Logs:        invoke.FunctionLogs(p.logs),
		Endpoint:    func() string { return url },
		Credentials: p.roleCredentials,
		Reexec:      o.Reexec,
		Logger:      o.Logger,
	})
	if err != nil {
		return err
	}
	p.closing(p.sandbox.Close)
	p.broker = invoke.New(p.store, p.sandbox, p.logs, invoke.Options{Logger: o.Logger, Metrics: p.metrics})
	p.closing(p.broker.Close)
	return nil
}

// services builds the control plane.
func (p *parts) services(o Options) {
	var lambdaRoles lambda.Roles
	var gatewayRoles apigateway.Roles
	if !o.LaxRoles {
		lambdaRoles, gatewayRoles = roles{p.grants}, roles{p.grants}
	}
	p.iam = iam.New(p.store, iam.Options{Callers: p.callers})
	p.lambda = lambda.New(p.store, lambda.Options{Roles: lambdaRoles, Invoker: invoker{p.broker}})
	p.apis = apigateway.New(p.store, apigateway.Options{Roles: gatewayRoles, Tester: tester{p.gateway}})
	p.operations = map[string]awswire.Operations{
		"lambda":     p.lambda.Operations(),
		"apigateway": p.apis.Operations(),
		"iam":        p.iam.Operations(),
		"sts":        sts.New(p.store, p.identity, sts.Options{Callers: p.callers}).Operations(),
		"cloudwatch": cloudwatch.New(p.metrics, cloudwatch.Options{}).Operations(),
		"logs":       logsservice.New(p.store, p.logs, logsservice.Options{}).Operations(),
	}
	p.control = awswire.NewServer(awswire.ServerOptions{
		Services: p.operations,
		Unions: []any{
			&apitypes.ResourceConfigMemberOpenSearchResourceConfig{},
			&apitypes.IntegrationDetailsMemberOpenSearchIntegrationDetails{},
		},
		Authenticate: p.identity.Authenticate,
		Authorize:    newAuthorizer(p.grants, p.callers, p.apis),
		Account:      o.Account,
		Region:       o.Region,
		Logger:       o.Logger,
		Remedy:       remedy,
	})
}

func (p *parts) closing(f func(context.Context) error) { p.closers = append(p.closers, f) }

// close ends the parts, the newest first: the port, then running invocations,
// then what they still write to.
func (p *parts) close(ctx context.Context) error {
	var failed []error
	for i := len(p.closers) - 1; i >= 0; i-- {
		// A part that ran out of time must not keep the next from writing
		// what it holds.
		part := ctx
		if ctx.Err() != nil {
			var cancel context.CancelFunc
			part, cancel = context.WithTimeout(context.WithoutCancel(ctx), closeTimeout)
			defer cancel()
		}
		failed = append(failed, p.closers[i](part))
	}
	return errors.Join(failed...)
}

// codeCache is where unpacked code is kept between runs.
func codeCache(o Options) string {
	if o.Ephemeral || o.NATS != "" {
		return ""
	}
	return filepath.Join(o.Data, "code")
}

// roleCredentials gives a function temporary credentials of its role; a role
// that was never real (--lax roles) gives those of the account's root.
func (p *parts) roleCredentials(ctx context.Context, fn *sandbox.Function) (sandbox.Credentials, error) {
	session, err := p.identity.IssueRoleSession(ctx, fn.Role, fn.Name, functionSession)
	if errors.Is(err, identity.ErrNoRole) {
		return sandbox.Credentials{AccessKeyID: fn.Account, SecretAccessKey: "test"}, nil
	}
	if err != nil {
		return sandbox.Credentials{}, fmt.Errorf("credentials of role %s: %w", fn.Role, err)
	}
	return sandbox.Credentials{AccessKeyID: session.AccessKeyID, SecretAccessKey: session.Secret, SessionToken: session.Token}, nil
}

// functionSession is how long the credentials of an environment hold. AWS
// renews them under way; an environment here ends long before.
const functionSession = 12 * time.Hour

func health(version string) endpoint.Health {
	services := make(map[string]string)
	for _, name := range []string{"apigateway", "cloudwatch", "iam", "lambda", "logs", "sts"} {
		services[name] = "running"
	}
	return endpoint.Health{Services: services, Edition: "stagedoor", Version: version}
}
