package cluster

import (
	"strings"
	"testing"
	"time"
)

func TestMask(t *testing.T) {
	tests := []struct{ uri, want string }{
		{"mysql://root@127.0.0.1:3306/", "mysql://root@127.0.0.1:3306/"},
		{"mysql://root:p%40ss@db/", "mysql://root:xxxxx@db/"},
		{"mysql://root:@db/", "mysql://root:xxxxx@db/"},
		{"s3://b/p?secret-access-key=abc&region=eu", "s3://b/p?region=eu&secret-access-key=xxxxx"},
		{"kafka://h:1/t?sasl-password=q&sasl-user=u", "kafka://h:1/t?sasl-password=xxxxx&sasl-user=u"},
		{"file:///tmp/out?protocol=csv", "file:///tmp/out?protocol=csv"},
	}
	for _, tt := range tests {
		if got, err := Mask(tt.uri); err != nil || got != tt.want {
			t.Errorf("%s: got %s, %v, want %s", tt.uri, got, err, tt.want)
		}
	}
}

func TestABadURIIsNotRepeated(t *testing.T) {
	for _, uri := range []string{"mysql://root:hunter2%zz@db/", "root:hunter2@db", "mysql://db/?hunter2=%zz"} {
		_, err := NewChangefeed("a", "u", uri, "file:///x", nil, time.Now())
		if err == nil || strings.Contains(err.Error(), "hunter2") {
			t.Errorf("%s: got %v", uri, err)
		}
	}
}

func TestSameSource(t *testing.T) {
	cf := testChangefeed(t, "a")
	for uri, want := range map[string]bool{
		"mysql://repl:s3cret@db:3306/?server-id=7":                  true,
		"mysql://other:pw@DB:3306?server-id=7":                      true,
		"mysql://repl@db:3306/?server-id=7&tls=true&tls-ca=/ca.pem": true,
		"mysql://repl:s3cret@db:3307/?server-id=7":                  false,
		"mysql://repl:s3cret@db2:3306/?server-id=7":                 false,
		"workload://bank?seed=1":                                    false,
		"not a uri":                                                 false,
	} {
		if got := cf.SameSource(uri); got != want {
			t.Errorf("%s: got %v, want %v", uri, got, want)
		}
	}
	if strings.Contains(cf.Source+cf.SourceHash, "s3cret") {
		t.Error("the record holds the password")
	}
	if !cf.SameSink("file:///out?protocol=csv") || cf.SameSink("file:///other?protocol=csv") {
		t.Error("the sink is not told apart")
	}
}
