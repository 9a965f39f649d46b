package main

import "testing"

func TestSinkURI(t *testing.T) {
	cases := []struct{ to, zone, want string }{
		{"file:///o", "UTC", "file:///o?include-commit-ts=true"},
		{"file:///o?protocol=csv", "UTC", "file:///o?include-commit-ts=true&protocol=csv"},
		{"file:///o?protocol=csv&include-commit-ts=false", "UTC", "file:///o?include-commit-ts=false&protocol=csv"},
		{"file:///o?protocol=canal-json", "Asia/Tokyo", "file:///o?enable-tidb-extension=true&protocol=canal-json&timezone=Asia%2FTokyo"},
		{"file:///o?timezone=Europe/Rome", "Asia/Tokyo", "file:///o?include-commit-ts=true&timezone=Europe%2FRome"},
		{"file:///o?delimiter=%7C", "UTC", "file:///o?delimiter=%7C&include-commit-ts=true"},
		{"blackhole://?decode=false", "Asia/Tokyo", "blackhole://?decode=false"},
	}
	for _, c := range cases {
		conf := testConfig()
		conf.To, conf.TimeZone = c.to, c.zone
		if got, err := sinkURI(conf); err != nil || got != c.want {
			t.Errorf("%s: got %s, %v, want %s", c.to, got, err, c.want)
		}
	}
	conf := testConfig()
	conf.To = "file:///o?a=%zz"
	if got, err := sinkURI(conf); err == nil {
		t.Errorf("bad options: got %s, want an error", got)
	}
}
