package api

import (
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/weir-cdc/weir/config"
)

// Settings gives the settings of a changefeed as the rest of the program has them, checked; those that the spec does not give
// have their defaults. Neither end is looked at beyond the form of its URI.
func (s Spec) Settings() (*config.Config, error) {
	c := config.Default()
	c.Changefeed, c.From, c.To = s.Name, s.From, s.To
	if err := s.Config.apply(c); err != nil {
		return nil, err
	}
	return c, settingError(c.Check())
}

// Settings gives the settings of a changefeed whose URIs are kept apart from them.
func (c Config) Settings(name, from, to string) (*config.Config, error) {
	return Spec{Name: name, From: from, To: to, Config: c.patch()}.Settings()
}

// ConfigOf gives the settings as a Config.
func ConfigOf(c *config.Config) Config {
	return Config{
		Tables: append([]string{}, c.Tables...), CaseSensitive: c.CaseSensitive, StartAt: c.StartAt, StopAt: c.StopAt,
		SyncpointInterval: c.SyncpointInterval.String(), GiveUpAfter: c.GiveUpAfter.String(), TimeZone: c.TimeZone,
		Memory: c.Memory.String(), ServerID: c.ServerID,
	}
}

// Apply gives the settings with those of the patch in place.
func (c Config) Apply(p ConfigPatch) Config {
	put(&c.Tables, p.Tables)
	put(&c.CaseSensitive, p.CaseSensitive)
	put(&c.StartAt, p.StartAt)
	put(&c.StopAt, p.StopAt)
	put(&c.SyncpointInterval, p.SyncpointInterval)
	put(&c.GiveUpAfter, p.GiveUpAfter)
	put(&c.TimeZone, p.TimeZone)
	put(&c.Memory, p.Memory)
	put(&c.ServerID, p.ServerID)
	return c
}

func put[T any](to *T, from *T) {
	if from != nil {
		*to = *from
	}
}

// patch gives the patch that sets everything.
func (c Config) patch() ConfigPatch {
	return ConfigPatch{
		Tables: &c.Tables, CaseSensitive: &c.CaseSensitive, StartAt: &c.StartAt, StopAt: &c.StopAt,
		SyncpointInterval: &c.SyncpointInterval, GiveUpAfter: &c.GiveUpAfter, TimeZone: &c.TimeZone, Memory: &c.Memory, ServerID: &c.ServerID,
	}
}

// apply sets what the patch gives; an error names the setting.
func (p ConfigPatch) apply(c *config.Config) error {
	put(&c.Tables, p.Tables)
	put(&c.CaseSensitive, p.CaseSensitive)
	texts := map[string]*string{
		"start-at": p.StartAt, "stop-at": p.StopAt, "syncpoint-interval": p.SyncpointInterval, "give-up-after": p.GiveUpAfter,
		"time-zone": p.TimeZone, "memory": p.Memory,
	}
	if p.ServerID != nil {
		id := strconv.FormatUint(uint64(*p.ServerID), 10)
		texts["server-id"] = &id
	}
	var errs []error
	for _, s := range c.Settings() {
		if text := texts[s.Name]; text != nil {
			if err := s.Value.Set(*text); err != nil {
				errs = append(errs, &config.Error{Setting: s.Name, Problem: err.Error()})
			}
		}
	}
	return settingError(errors.Join(errs...))
}

// check looks at what a patch gives, by itself.
func (p Patch) check() error {
	spec := Spec{Name: "patch", From: "blackhole://", To: "blackhole://", Config: p.Config}
	put(&spec.From, p.From)
	put(&spec.To, p.To)
	_, err := spec.Settings()
	return err
}

// settingError makes what a check of the settings finds an Error that names them as they are in a body.
func settingError(err error) error {
	if err == nil {
		return nil
	}
	all := flatten(err)
	details := make([]Detail, len(all))
	for i, err := range all {
		details[i] = settingDetail(err)
	}
	return &Error{Code: InvalidSetting, Where: details[0].Where, What: details[0].What, Fix: details[0].Fix, Also: details[1:]}
}

func flatten(err error) (all []error) {
	joined, ok := err.(interface{ Unwrap() []error })
	if !ok {
		return []error{err}
	}
	for _, e := range joined.Unwrap() {
		all = append(all, flatten(e)...)
	}
	return all
}

func settingDetail(err error) Detail {
	var e *config.Error
	if errors.As(err, &e) {
		return Detail{Where: bodyName(e.Setting), What: e.Problem, Fix: e.Fix}
	}
	var where string
	text := err.Error()
	if n, _ := fmt.Sscanf(text, "--%s", &where); n == 1 { // as in "--tables: rule ..."
		if name, ok := strings.CutSuffix(where, ":"); ok {
			return Detail{Where: bodyName(name), What: strings.TrimPrefix(text, "--"+where+" ")}
		}
	}
	return Detail{Where: "body", What: text}
}

// bodyName gives a setting's place in a body.
func bodyName(setting string) string {
	if setting == "from" || setting == "to" {
		return "body." + setting
	}
	return "body.config." + strings.ReplaceAll(setting, "-", "_")
}

// PatchOf gives the settings as a patch that sets everything.
func PatchOf(c *config.Config) ConfigPatch { return ConfigOf(c).patch() }
