package cli

import (
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"syscall"

	"github.com/stagedoor/stagedoor/internal/target"
)

// sides finds out what is compared with what.
func (f *diffFlags) sides(args []string) (left, right *diffSide, err error) {
	if left, err = f.side("--left", f.left); err != nil {
		return nil, nil, err
	}
	if right, err = f.side("--right", f.right); err != nil {
		return nil, nil, err
	}
	left.api, right.api = args[0], args[0]
	if one, other, found := strings.Cut(args[0], "="); found && one != "" && other != "" {
		left.api, right.api = one, other
	}
	switch stages := args[1:]; {
	case len(stages) == 2:
		left.stages, right.stages = stages[:1:1], stages[1:]
	case len(stages) == 1 && right.sameAs(left):
		return nil, nil, fmt.Errorf("stage %q is compared with which other? stagedoor diff %s %s STAGE", stages[0], args[0], stages[0])
	case len(stages) == 1:
		left.stages, right.stages = stages, slices.Clone(stages)
	}
	return left, right, nil
}

func (s *diffSide) sameAs(other *diffSide) bool {
	return s.api == other.api && s.file == other.file && s.place.AWS == other.place.AWS && s.place.Profile == other.place.Profile &&
		s.place.Region == other.place.Region && s.place.Endpoint == other.place.Endpoint
}

// side reads the name of a place; without one it is the place of the other flags.
func (f *diffFlags) side(flag, name string) (*diffSide, error) {
	s := &diffSide{name: name, place: f.place}
	place, region := cutRegion(name)
	if region != "" {
		s.place.Region = region
	}
	kind, rest, named := strings.Cut(place, ":")
	switch {
	case name == "":
		s.name = "local"
		if f.place.AWS {
			s.name = strings.TrimSuffix("aws:"+f.place.Profile, ":")
		} else if f.place.Endpoint != "" {
			s.name = hostOf(f.place.Endpoint)
		}
	case place == "local":
		s.place.AWS, s.place.Profile = false, ""
	case kind == "aws":
		s.place.AWS, s.place.Endpoint = true, ""
		if s.place.Profile = rest; strings.HasSuffix(rest, "@") || named && rest == "" && region == "" {
			return nil, fmt.Errorf("%s %s: it is aws, aws:PROFILE or aws:PROFILE@REGION", flag, name)
		}
	case kind == "file" && rest != "":
		s.name, s.file, s.place = "file:"+filepath.Base(rest), rest, target.Place{}
	case kind == "http" || kind == "https":
		u, err := url.Parse(place)
		if err != nil || u.Host == "" {
			return nil, fmt.Errorf("%s %s is not a URL such as %s", flag, name, target.DefaultEndpoint)
		}
		s.place.AWS, s.place.Profile, s.place.Endpoint = false, "", strings.TrimSuffix(place, "/")
		s.name = u.Host + strings.TrimPrefix(name, place)
	default:
		return nil, fmt.Errorf("%s %q is no place: it is local, aws, aws:PROFILE, aws:PROFILE@REGION, a URL or file:DUMP", flag, name)
	}
	return s, nil
}

// cutRegion cuts "@eu-central-1" from the end of a place. A profile's name may
// hold an @, too.
func cutRegion(name string) (place, region string) {
	at := strings.LastIndexByte(name, '@')
	if at < 0 {
		return name, ""
	}
	parts := strings.Split(name[at+1:], "-")
	last := parts[len(parts)-1]
	if len(parts) < 3 || len(parts[0]) != 2 || last == "" || strings.Trim(last, "0123456789") != "" || strings.Contains(name[at:], "/") {
		return name, ""
	}
	return name[:at], name[at+1:]
}

func hostOf(endpoint string) string {
	if u, err := url.Parse(endpoint); err == nil && u.Host != "" {
		return u.Host
	}
	return endpoint
}

// explain says what to do where a place does not answer.
func (s *diffSide) explain(err error, c *target.Clients) error {
	if errors.Is(err, syscall.ECONNREFUSED) {
		return fmt.Errorf("nothing listens at %s; start it with \"stagedoor up\", or say where to look: --endpoint-url, --aws, --left or --right", c.Endpoint)
	}
	return err
}
