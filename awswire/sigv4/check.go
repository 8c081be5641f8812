package sigv4

import (
	"fmt"
	"time"
)

// checkScope compares the credential scope with the place that the request
// arrived at. The sentences are AWS's (aws-sdk-go#156, aws-sdk-php#732,
// aws-signing-proxy#25, boto/boto#2263 for the date).
func (s *Signature) checkScope(o Options) error {
	if date := s.Timestamp[:len(dateLayout)]; date != s.Date {
		return invalid(s, "Date in Credential scope does not match YYYYMMDD from ISO-8601 version of date from HTTP: '"+
			s.Date+"' != '"+date+"', from '"+s.Timestamp+"'.")
	}
	text := ""
	if o.Region != "" && s.Region != o.Region {
		text += "Credential should be scoped to a valid region, not '" + s.Region + "'. "
	}
	if o.Service != "" && s.Service != o.Service {
		text += "Credential should be scoped to correct service: '" + o.Service + "'. "
	}
	if text != "" {
		return invalid(s, text)
	}
	return nil
}

// checkTime refuses signatures that were made too long ago or in the future.
func (s *Signature) checkTime(o Options) error {
	now := o.Now
	if now.IsZero() {
		now = time.Now()
	}
	now = now.UTC().Truncate(time.Second)
	skew := o.Skew
	if skew == 0 {
		skew = DefaultSkew
	}
	life := skew
	if s.Presigned && s.Expires > 0 {
		life = s.Expires
	}
	if earliest := now.Add(-life); s.Time.Before(earliest) {
		e := invalid(s, fmt.Sprintf("Signature expired: %s is now earlier than %s (%s - %s)",
			s.Timestamp, earliest.Format(timeLayout), now.Format(timeLayout), span(life)))
		e.Kind = Expired
		return e
	}
	// aws-sdk-js#1652, JuliaCloud/AWS.jl#206
	if latest := now.Add(skew); s.Time.After(latest) {
		e := invalid(s, fmt.Sprintf("Signature not yet current: %s is still later than %s (%s + %s)",
			s.Timestamp, latest.Format(timeLayout), now.Format(timeLayout), span(skew)))
		e.Kind = NotYetCurrent
		return e
	}
	return nil
}

// span words a tolerance as AWS does, in minutes. AWS has never been seen to
// print one that is not whole minutes.
func span(d time.Duration) string {
	if d%time.Minute == 0 {
		return fmt.Sprintf("%d min.", d/time.Minute)
	}
	return fmt.Sprintf("%d sec.", d/time.Second)
}

// Check compares scope and time of s with o, as Verify does before it computes
// anything: for credentials whose secret nobody knows.
func (s *Signature) Check(o Options) error {
	if err := s.checkScope(o); err != nil {
		return err
	}
	return s.checkTime(o)
}
