package console

import (
	"context"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/apigateway"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/iam"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	"github.com/aws/aws-sdk-go-v2/service/sts"
)

// visit is one request of a person: what a handler works with. It belongs to
// the goroutine that serves the request.
type visit struct {
	c *Console
	r *http.Request
	w http.ResponseWriter // for cookies only; nil where none can be set
	s *session
	// region is the one that the person looks at.
	region string
	theme  string // "light", "dark" or "" for the system's
	// form is what this post claimed; nil in a get.
	form *outcome

	config func() aws.Config
}

func (c *Console) visit(r *http.Request, s *session) *visit {
	v := &visit{c: c, r: r, s: s, region: c.o.Region, theme: themeOf(r)}
	if cookie, err := r.Cookie(regionCookie); err == nil && isRegion(cookie.Value) {
		v.region = cookie.Value
	}
	v.config = sync.OnceValue(func() aws.Config {
		config := c.o.Config(s.credentials, r.RemoteAddr)
		config.Region = v.region
		// The control plane is in this process: what fails once fails again.
		config.Retryer = func() aws.Retryer { return aws.NopRetryer{} }
		return config
	})
	return v
}

func (v *visit) ctx() context.Context { return v.r.Context() }

func (v *visit) now() time.Time { return v.c.o.Now() }

// value is a field of the form or of the address, without blanks around it.
func (v *visit) value(name string) string { return strings.TrimSpace(v.r.FormValue(name)) }

// canChange reports whether controls are shown at all. IAM decides beyond that.
func (v *visit) canChange() bool { return v.c.o.Mode == On }

// fragment reports whether htmx asks for the element with this id only.
func (v *visit) fragment() string {
	if v.r.Header.Get("HX-Request") != "true" {
		return ""
	}
	_, id, _ := strings.Cut(v.r.Header.Get("HX-Target"), "#")
	return id
}

// The clients of AWS, with the person's credentials, in the region that is
// looked at.

func (v *visit) apis() *apigateway.Client { return apigateway.NewFromConfig(v.config()) }

// functions are the functions of a region; "" is the one that is looked at.
func (v *visit) functions(region string) *lambda.Client {
	return lambda.NewFromConfig(v.config(), func(o *lambda.Options) {
		if region != "" {
			o.Region = region
		}
	})
}

func (v *visit) logs() *cloudwatchlogs.Client { return cloudwatchlogs.NewFromConfig(v.config()) }

func (v *visit) metrics() *cloudwatch.Client { return cloudwatch.NewFromConfig(v.config()) }

func (v *visit) iam() *iam.Client { return iam.NewFromConfig(v.config()) }

func (v *visit) tokens() *sts.Client { return sts.NewFromConfig(v.config()) }

var regionPattern = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]{2}(-[a-z]+)+-[0-9]$`) })

func isRegion(text string) bool { return len(text) < 32 && regionPattern().MatchString(text) }

// lastOf is the end of an ARN, which names the thing.
func lastOf(arn string) string {
	parts := strings.SplitN(arn, ":", 6)
	return parts[len(parts)-1]
}
