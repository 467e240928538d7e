// SPDX-License-Identifier: Apache-2.0
// HTML without anything from elsewhere: no script, no font, no picture.
#include "http/welcome_page.h"

#include "absl/strings/str_replace.h"

namespace koi {
namespace {

constexpr char kPage[] = R"(<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>koi works</title>
<style>
body { font: 16px/1.5 system-ui, sans-serif; color: #222; background: #fff; max-width: 42em;
       margin: 3em auto; padding: 0 1em }
pre { background: #f3f3f3; border-radius: 4px; padding: .8em 1em; overflow-x: auto }
code { font-family: ui-monospace, monospace }
small { color: #666 }
@media (prefers-color-scheme: dark) {
  body { color: #ddd; background: #181818 } pre { background: #262626 } small { color: #999 }
}
</style>
</head>
<body>
<h1>koi works</h1>
<p>This address is served, and has nobody to send you to: pool <code>@POOL@</code> is empty. Add a
backend on each of the two hosts:</p>
<pre><code>docker exec CONTAINER koi backend add @POOL@ NAME ADDRESS:PORT</code></pre>
<p>For example, where the container is called <code>koi</code>:</p>
<pre><code>docker exec koi koi backend add @POOL@ web-1 10.0.2.11:8080
docker exec koi koi backend list
docker exec koi koi status</code></pre>
<p>Requests go there as soon as it answers. Outside of a container leave out
<code>docker exec CONTAINER</code>.</p>
<p><small>Answered by @NODE@.</small></p>
</body>
</html>
)";

std::string Escaped(absl::string_view text) {
  return absl::StrReplaceAll(text, {{"&", "&amp;"}, {"<", "&lt;"}, {">", "&gt;"}});
}

}  // namespace

std::string WelcomePage(absl::string_view pool, absl::string_view node) {
  return absl::StrReplaceAll(kPage, {{"@POOL@", Escaped(pool)}, {"@NODE@", Escaped(node)}});
}

}  // namespace koi
