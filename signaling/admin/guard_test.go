package admin

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// sample makes a request for a route that is answered with 200 or 204.
func sample(t *testing.T, r route) (path, body string) {
	t.Helper()
	bodies := map[string]string{"govern": `{"locked":true}`, "say": `{"data":1}`, "close": "", "expel": "", "": ""}
	body, ok := bodies[r.change]
	if !ok {
		t.Fatalf("%s %s: what is a good body?", r.method, r.path)
	}
	return strings.NewReplacer("{room}", "tea", "{peer}", "4f1c").Replace(r.path), body
}

// asker is a request that was changed, and what it is to be answered where it is not let in.
type asker struct {
	name   string
	change func(*http.Request)
	want   int // 0: it is let in
	code   string
}

func header(name string, values ...string) func(*http.Request) {
	return func(r *http.Request) { r.Header[name] = values }
}

func host(name string) func(*http.Request) { return func(r *http.Request) { r.Host = name } }

func bearing(token string, also ...func(*http.Request)) func(*http.Request) {
	return func(r *http.Request) {
		r.Header.Set("Authorization", "Bearer "+token)
		for _, change := range also {
			change(r)
		}
	}
}

func onThisHost() []asker {
	return []asker{
		{"a program", nil, 0, ""},
		{"127.0.0.1", host("127.0.0.1:8444"), 0, ""},
		{"IPv6", host("[::1]:8444"), 0, ""},
		{"in capitals", host("LOCALHOST."), 0, ""},
		{"the page of this address", func(r *http.Request) {
			r.Header.Set("Origin", "http://localhost:8444")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}, 0, ""},
		{"the address bar", header("Sec-Fetch-Site", "none"), 0, ""},

		{"another name", host("evil.example"), 403, "forbidden"},
		{"another name with the port", host("evil.example:8444"), 403, "forbidden"},
		{"a name that begins so", host("localhost.evil.example"), 403, "forbidden"},
		{"another address", host("192.0.2.1:8444"), 403, "forbidden"},
		{"all addresses", host("0.0.0.0:8444"), 403, "forbidden"},
		{"no name", host(""), 403, "forbidden"},
		{"rebound", func(r *http.Request) {
			r.Host = "evil.example"
			r.Header.Set("Origin", "http://evil.example")
			r.Header.Set("Sec-Fetch-Site", "same-origin")
		}, 403, "forbidden"},
		{"another origin", header("Origin", "https://evil.example"), 403, "forbidden"},
		{"another port of this host", header("Origin", "http://localhost:3000"), 403, "forbidden"},
		{"another name of this host", header("Origin", "http://127.0.0.1:8444"), 403, "forbidden"},
		{"a file or a sandbox", header("Origin", "null"), 403, "forbidden"},
		{"an empty origin", header("Origin", ""), 403, "forbidden"},
		{"no origin at all", header("Origin", ":"), 403, "forbidden"},
		{"two origins", header("Origin", "http://localhost:8444", "https://evil.example"), 403, "forbidden"},
		{"cross-site", header("Sec-Fetch-Site", "cross-site"), 403, "forbidden"},
		{"same-site", header("Sec-Fetch-Site", "same-site"), 403, "forbidden"},
	}
}

func withToken() []asker {
	return []asker{
		{"the token", bearing(testToken), 0, ""},
		{"another case of the scheme", header("Authorization", "bearer "+testToken), 0, ""},
		{"no token", nil, 401, "unauthorized"},
		{"another token", bearing(strings.ToUpper(testToken)), 401, "unauthorized"},
		{"its beginning", bearing(testToken[:31]), 401, "unauthorized"},
		{"more than it", bearing(testToken + "x"), 401, "unauthorized"},
		{"an empty one", bearing(""), 401, "unauthorized"},
		{"another scheme", header("Authorization", "Basic "+testToken), 401, "unauthorized"},
		{"no scheme", header("Authorization", testToken), 401, "unauthorized"},
		{"two", header("Authorization", "Bearer x", "Bearer "+testToken), 401, "unauthorized"},
		{"in the address", func(r *http.Request) { r.URL.RawQuery = "access_token=" + testToken }, 401, "unauthorized"},
	}
}

// TestWhoMay walks over the table of the routes itself, so that none is forgotten.
func TestWhoMay(t *testing.T) {
	var tokenAndHost []asker
	for _, a := range onThisHost() {
		change := a.change
		a.change = bearing(testToken)
		if change != nil {
			a.change = bearing(testToken, change)
		}
		tokenAndHost = append(tokenAndHost, a)
	}
	token := func(c *Config) { c.Token = []byte(testToken) }
	for name, test := range map[string]struct {
		config func(*Config)
		askers []asker
	}{
		"loopback":                    {nil, onThisHost()},
		"loopback, without the token": {token, withToken()},
		"loopback, with the token":    {token, tokenAndHost},
		"beyond": {func(c *Config) { c.Loopback, c.Token = false, []byte(testToken) }, append(withToken(),
			asker{"by another name", bearing(testToken, host("admin.example")), 0, ""},
			asker{"from a page behind a proxy", bearing(testToken, header("Origin", "https://admin.example")), 0, ""})},
		"beyond, without a token": {func(c *Config) { c.Loopback = false }, []asker{
			{"a program", nil, 404, "not-served"},
			{"any token", bearing(testToken), 404, "not-served"},
		}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, a := range test.askers {
				for _, r := range routes() {
					checkAsker(t, test.config, a, r)
				}
			}
		})
	}
}

func checkAsker(t *testing.T, config func(*Config), a asker, r route) {
	t.Helper()
	s := newService(t, config)
	path, body := sample(t, r)
	got := s.do(newRequest(r.method, path, body, a.change))
	switch {
	case a.want == 0:
		if got.status != 200 && got.status != 204 {
			t.Errorf("%s: %s %s: %d %s", a.name, r.method, r.path, got.status, got.body)
		}
	case got.status != a.want || got.code() != a.code:
		t.Errorf("%s: %s %s: %d %s, want %d", a.name, r.method, r.path, got.status, got.body, a.want)
	case len(s.rooms.calls) > 0:
		t.Errorf("%s: %s %s: refused, and did %q", a.name, r.method, r.path, s.rooms.calls)
	}
	if challenge := got.header.Get("WWW-Authenticate"); (challenge != "") != (a.want == 401) {
		t.Errorf("%s: %s %s: %d with WWW-Authenticate %q", a.name, r.method, r.path, got.status, challenge)
	}
	if strings.Contains(s.log.String()+got.body, testToken) {
		t.Errorf("%s: the token is told: %s", a.name, s.log)
	}
}

// TestChangesSayThatTheyAreJSON: a page of another origin can have a browser send all but these.
func TestChangesSayThatTheyAreJSON(t *testing.T) {
	for _, r := range routes() {
		for kind, want := range map[string]bool{
			"application/json": true, "Application/JSON; charset=utf-8": true,
			"": false, "text/plain": false, "application/x-www-form-urlencoded": false, "multipart/form-data": false,
			"text/plain; application/json": false, "application/json, text/plain": false, "application/jsonp": false,
		} {
			s := newService(t, nil)
			path, body := sample(t, r)
			got := s.do(newRequest(r.method, path, body, header("Content-Type", kind)))
			if refused := got.status == 415 && got.code() == "not-json"; refused == (want || r.change == "") {
				t.Errorf("%s %s as %q: %d %s", r.method, r.path, kind, got.status, got.body)
			} else if refused && len(s.rooms.calls) > 0 {
				t.Errorf("%s %s as %q: %q", r.method, r.path, kind, s.rooms.calls)
			}
		}
	}
}

func TestProfiles(t *testing.T) {
	profiles := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	for name, test := range map[string]struct {
		loopback bool
		token    string
		change   func(*http.Request)
		want     int
	}{
		"loopback":                        {true, "", nil, 204},
		"loopback, by another name":       {true, "", host("evil.example"), 403},
		"loopback, from another page":     {true, "", header("Sec-Fetch-Site", "cross-site"), 403},
		"loopback, with a token to have":  {true, testToken, nil, 204}, // for go tool pprof, which cannot send one
		"beyond":                          {false, "", nil, 404},
		"beyond, with the token":          {false, testToken, bearing(testToken), 204},
		"beyond, without the token":       {false, testToken, nil, 401},
		"beyond, by another name with it": {false, testToken, bearing(testToken, host("admin.example")), 204},
	} {
		s := newService(t, func(c *Config) {
			c.Loopback = test.loopback
			if test.token != "" {
				c.Token = []byte(test.token)
			}
		})
		w := httptest.NewRecorder()
		s.api.Profiles(profiles).ServeHTTP(w, newRequest(http.MethodGet, "/debug/pprof/", "", test.change))
		if w.Code != test.want {
			t.Errorf("%s: %d %s, want %d", name, w.Code, w.Body, test.want)
		}
	}
}

func TestRefusalsAreCounted(t *testing.T) {
	s := newService(t, func(c *Config) { c.Token = []byte(testToken) })
	for _, change := range []func(*http.Request){
		nil, bearing("hunter2"), bearing("hunter2"), host("evil.example"), header("Origin", "https://evil.example"),
	} {
		s.do(newRequest(http.MethodGet, "/api/v1/rooms", "", change))
	}
	w := httptest.NewRecorder()
	s.metrics.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	for _, want := range []string{`{reason="token"} 3`, `{reason="host"} 1`, `{reason="origin"} 1`} {
		if !strings.Contains(w.Body.String(), "\nparley_admin_refused_total"+want+"\n") {
			t.Errorf("%s is not in\n%s", want, w.Body)
		}
	}
	if log := s.log.String(); strings.Count(log, "\n") != 1 || strings.Contains(log, "hunter2") || !strings.Contains(log, `"reason":"token"`) {
		t.Errorf("log:\n%s", log)
	}
}

func TestTokens(t *testing.T) {
	for token, want := range map[string]error{
		"": errShortToken, testToken[:31]: errShortToken, testToken: nil, testToken + " ": errOddToken,
		strings.Repeat("é", 32): errOddToken, strings.Repeat("\n", 32): errOddToken,
	} {
		if _, err := New(Config{Token: []byte(token)}); err != want {
			t.Errorf("%q: %v, want %v", token, err, want)
		}
	}
}
