package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func usable() *Config {
	c := Default()
	c.From, c.To = "mysql://root@127.0.0.1:3306/", "file:///tmp/out"
	return c
}

func none(string) bool { return false }

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "weir.toml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestDefaultsPassTheCheck(t *testing.T) {
	if err := usable().Check(); err != nil {
		t.Errorf("got %v, want no error", err)
	}
}

// A file and flags that say the same give the same configuration.
func TestFileEqualsFlags(t *testing.T) {
	texts := map[string]string{
		"from": "mysql://u:p@h:1/", "from-file": "f", "to": "file:///o", "to-file": "g", "tables": "a.*,!a.b",
		"case-sensitive": "true", "start-at": "earliest", "stop-at": "current", "syncpoint-interval": "10s",
		"time-zone": "Asia/Tokyo", "memory": "128MiB", "changefeed": "x", "data-dir": "/d", "relay-size": "1GiB",
		"give-up-after": "90s", "server-id": "77", "log-level": "debug", "log-format": "json", "log-file": "/l",
	}
	file := `from = "mysql://u:p@h:1/"
from-file = "f"
to = "file:///o"
to-file = "g"
tables = ["a.*", "!a.b"]
case-sensitive = true
start-at = "earliest"
stop-at = "current"
syncpoint-interval = "10s"
time-zone = "Asia/Tokyo"
memory = 134217728
changefeed = "x"
data-dir = "/d"
relay-size = "1GiB"
give-up-after = "90s"
server-id = 77
log-level = "debug"
log-format = "json"
log-file = "/l"
`
	byFlags := Default()
	for _, s := range byFlags.Settings() {
		text, ok := texts[s.Name]
		if !ok {
			t.Fatalf("setting %s is not in this test", s.Name)
		}
		if err := s.Value.Set(text); err != nil {
			t.Fatalf("--%s: %v", s.Name, err)
		}
	}
	byFile := Default()
	if err := byFile.ReadFile(write(t, file), none); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(byFlags, byFile) {
		t.Errorf("flags gave %+v, the file %+v", byFlags, byFile)
	}
	if reflect.DeepEqual(byFlags, Default()) {
		t.Error("nothing was set")
	}
}

func TestFlagsWinOverTheFile(t *testing.T) {
	c := usable()
	c.Memory = 2 * GiB
	err := c.ReadFile(write(t, "memory = \"4GiB\"\nsyncpoint-interval = \"5s\"\n"), func(name string) bool { return name == "memory" })
	if err != nil || c.Memory != 2*GiB || c.SyncpointInterval != 5*time.Second {
		t.Errorf("got memory %v, interval %v, %v, want 2GiB, 5s", c.Memory, c.SyncpointInterval, err)
	}
}

func TestBadFiles(t *testing.T) {
	cases := []struct{ name, text, want string }{
		{"a misspelt key", "tabels = ['a.*']", `unknown key "tabels"; did you mean "tables"?`},
		{"underscores", "relay_size = '1GiB'", `did you mean "relay-size"?`},
		{"a key like no other", "quorum = 3", `unknown key "quorum"`},
		{"a table", "[log]\nlevel = 'info'", `unknown key "log"`},
		{"a duration without a unit", "syncpoint-interval = 5", "has no unit"},
		{"a bad size", "memory = 'much'", `key memory: "much" is no size`},
		{"a list for one value", "memory = ['1GiB']", "a list is given"},
		{"a list of numbers", "tables = [1]", "item 1 is no string"},
		{"no TOML", "from = 'a'\nto: b", "line 2: it is no TOML"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := Default().ReadFile(write(t, c.text), none)
			if err == nil || !strings.Contains(err.Error(), c.want) || !strings.Contains(err.Error(), "weir.toml") {
				t.Errorf("got %v, want the file's name and %q", err, c.want)
			}
		})
	}
	if err := Default().ReadFile("/no/such/file", none); err == nil || !strings.Contains(err.Error(), "no such file") {
		t.Errorf("got %v, want an error that there is no such file", err)
	}
}

func TestFileErrorsKeepPasswords(t *testing.T) {
	err := Default().ReadFile(write(t, `from = "mysql://root:hunter2@h/" to`), none)
	if err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestCheck(t *testing.T) {
	cases := []struct {
		name string
		set  func(*Config)
		want string
	}{
		{"no upstream", func(c *Config) { c.From = "" }, "--from: is missing: give the upstream"},
		{"no downstream", func(c *Config) { c.To = "" }, "--to: is missing"},
		{"no URI", func(c *Config) { c.From = "mysql://root:a%b@h" }, "--from: is no URI"},
		{"a path for a URI", func(c *Config) { c.To = "/tmp/out" }, "--to: is no URI"},
		{"a bad rule", func(c *Config) { c.Tables = []string{"shop"} }, "--tables: "},
		{"no rule", func(c *Config) { c.Tables = nil }, "--tables: "},
		{"stop before all", func(c *Config) { c.StopAt = "earliest" }, "--stop-at: "},
		{"start nowhere", func(c *Config) { c.StartAt = "" }, "--start-at: "},
		{"little memory", func(c *Config) { c.Memory = 1 * MiB }, "--memory: 1MiB is too small: give at least 64MiB"},
		{"a small relay", func(c *Config) { c.RelaySize = 0 }, "--relay-size: 0 is too small"},
		{"syncpoints too dense", func(c *Config) { c.SyncpointInterval = 1 }, "--syncpoint-interval: "},
		{"no patience", func(c *Config) { c.GiveUpAfter = time.Millisecond }, "--give-up-after: 1ms is too short: give at least 1s, or 0"},
		{"less than none", func(c *Config) { c.GiveUpAfter = -time.Minute }, "--give-up-after: "},
		{"a zone of nowhere", func(c *Config) { c.TimeZone = "Moon/Base" }, "--time-zone: "},
		{"a loud log", func(c *Config) { c.LogLevel = "loud" }, `--log-level: "loud" is not known: give debug, info, warn, error`},
		{"a log of another kind", func(c *Config) { c.LogFormat = "xml" }, "--log-format: "},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			conf := usable()
			c.set(conf)
			if err := conf.Check(); err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got %v, want %q", err, c.want)
			}
		})
	}
	c := usable()
	if c.GiveUpAfter = 0; c.Check() != nil {
		t.Errorf("to try for good: got %v, want no error", c.Check())
	}
	c.From, c.LogLevel = "", "loud"
	if err := c.Check(); err == nil || strings.Count(err.Error(), "\n") != 1 {
		t.Errorf("two things are wrong: got %v, want both", err)
	}
}

func TestCheckKeepsPasswords(t *testing.T) {
	c := usable()
	c.From = "mysql://root:hunter2%@h/"
	if err := c.Check(); err == nil || strings.Contains(err.Error(), "hunter2") {
		t.Errorf("got %v, want an error without the password", err)
	}
}

func TestResolve(t *testing.T) {
	file := write(t, "mysql://from-file/\n")
	env := map[string]string{"WEIR_FROM": "mysql://from-env/", "WEIR_TO": "file:///env"}
	getenv := func(k string) string { return env[k] }

	c := Default()
	if err := c.Resolve(getenv); err != nil || c.From != "mysql://from-env/" || c.To != "file:///env" {
		t.Errorf("environment: got %s, %s, %v", c.From, c.To, err)
	}
	c = Default()
	c.FromFile, c.To = file, "file:///flag"
	if err := c.Resolve(getenv); err != nil || c.From != "mysql://from-file/" || c.To != "file:///flag" {
		t.Errorf("file and flag: got %s, %s, %v", c.From, c.To, err)
	}
	c.From = "mysql://both/"
	if err := c.Resolve(getenv); err == nil {
		t.Error("flag and file at once: got no error")
	}
	c = Default()
	c.ToFile = "/no/such/file"
	if err := c.Resolve(getenv); err == nil || !strings.Contains(err.Error(), "--to-file") {
		t.Errorf("a missing file: got %v, want an error of --to-file", err)
	}
}

func TestSize(t *testing.T) {
	cases := []struct {
		in   string
		want Size
		out  string
	}{
		{"0", 0, "0"}, {"17", 17, "17"}, {"1GiB", GiB, "1GiB"}, {"1.5 GiB", 1536 * MiB, "1536MiB"}, {"64m", 64 * MiB, "64MiB"},
		{"10GB", 1e10, "9765625KiB"}, {"2kib", 2 * KiB, "2KiB"}, {"1TiB", TiB, "1TiB"}, {"5B", 5, "5"},
	}
	for _, c := range cases {
		var s Size
		if err := s.Set(c.in); err != nil || s != c.want || s.String() != c.out {
			t.Errorf("%q: got %d, %q, %v, want %d, %q", c.in, s, s, err, c.want, c.out)
		}
	}
	for _, bad := range []string{"", "GiB", "-1", "1PiB", "one", "NaN", "9e18GiB"} {
		var s Size
		if err := s.Set(bad); err == nil {
			t.Errorf("%q: got %d, want an error", bad, s)
		}
	}
}

func TestListKeepsCommasOfRules(t *testing.T) {
	c := Default()
	for _, s := range c.Settings() {
		if s.Name == "tables" {
			for _, text := range []string{"a.*, !a.b", "`x,y`.*", "/t{1,2}/.*"} {
				if err := s.Value.Set(text); err != nil {
					t.Fatal(err)
				}
			}
		}
	}
	want := []string{"a.*", "!a.b", "`x,y`.*", "/t{1,2}/.*"}
	if !reflect.DeepEqual(c.Tables, want) {
		t.Errorf("got %q, want %q", c.Tables, want)
	}
}

func TestDefaultDataDir(t *testing.T) {
	cases := []struct {
		home Home
		want string
	}{
		{Home{State: "/s", User: "/u"}, "/s/weir/k"},
		{Home{User: "/u"}, "/u/.local/state/weir/k"},
		{Home{State: "relative", User: "/u"}, "/u/.local/state/weir/k"},
		{Home{}, ""},
	}
	for _, c := range cases {
		if got := c.home.DefaultDataDir("k"); got != c.want {
			t.Errorf("%+v: got %q, want %q", c.home, got, c.want)
		}
	}
}
