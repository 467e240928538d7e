// SPDX-License-Identifier: Apache-2.0
// Services: where they listen, what they need for their mode.
#include <algorithm>
#include <optional>

#include "absl/strings/str_cat.h"
#include "config/build.h"

namespace koi {
namespace {

void BuildListens(BuildContext& context, const Section& section, ServiceConfig& service) {
  if (!section.Has("listen")) return;
  for (const PlacedEndpoint& listen : section.Get<std::vector<PlacedEndpoint>>("listen")) {
    const std::string text = ListenText(listen.endpoint);
    const std::string address = listen.endpoint.address.ToString();
    if (context.vips_complete && !context.vips.Has(address)) {
      context.problems.Error(listen.place,
                             absl::StrCat(Label(section, "service"), " listens on ", text, ", but ",
                                          address, " is the address of no [[vip]]",
                                          DidYouMean(address, context.vips.names(), "")));
    }
    if (listen.endpoint.port == 0 && !service.is_l4() && section.Has("mode")) {
      context.problems.Error(listen.place,
                             absl::StrCat(Label(section, "service"), " listens on ", text,
                                          ", any port, which is for mode = \"l4\""));
    }
    if (service.protocols.tcp) context.listens.Add(text, text, listen.place, context.problems);
    if (service.protocols.udp) {
      const std::string udp = absl::StrCat(text, "/udp");
      context.listens.Add(udp, udp, listen.place, context.problems);
    }
    service.listen.push_back(listen.endpoint);
  }
}

void CheckSelfSigned(BuildContext& context, const Section& section, ServiceConfig& service) {
  const std::string label = Label(section, "service");
  const Place& place = section.PlaceOf("self_signed");
  if (service.tls != TlsMode::kTerminate) {
    context.problems.Error(
        place, absl::StrCat(label, " is self_signed, but tls is \"", TlsModeName(service.tls),
                            "\"; did you mean "
                            "\"terminate\"?"));
  }
  for (const char* key : {"certificates", "certificates_folder"}) {
    if (!section.Written(key)) continue;
    context.problems.Error(section.PlaceOf(key),
                           absl::StrCat(label,
                                        " has certificates and is self_signed; one of both "
                                        "is enough"));
  }
  const std::string file = absl::StrCat(context.config.node.state, "/", service.name);
  service.certificates = {
      {.chain_file = absl::StrCat(file, ".pem"), .key_file = absl::StrCat(file, ".key")}};
}

void BuildCertificates(BuildContext& context, const Section& section, ServiceConfig& service) {
  for (const Section& certificate : section.Inside("certificates")) {
    if (!certificate.Has("chain") || !certificate.Has("key")) continue;
    service.certificates.push_back(
        {.chain_file = ResolvedPath(context, certificate, "chain"),
         .key_file = ResolvedPath(context, certificate, "key"),
         .ocsp_file = certificate.Has("ocsp") ? ResolvedPath(context, certificate, "ocsp") : ""});
  }
  if (section.Has("certificates_folder")) {
    service.certificates_folder = ResolvedPath(context, section, "certificates_folder");
  }
  service.self_signed = section.GetOr("self_signed", false);
  if (!section.Has("tls")) return;
  const bool terminates = service.tls == TlsMode::kTerminate;
  const std::string label = Label(section, "service");
  if (service.self_signed) return CheckSelfSigned(context, section, service);
  const bool has_folder = section.Written("certificates_folder");
  if (!terminates && (section.Written("certificates") || has_folder)) {
    context.problems.Error(
        section.PlaceOf(has_folder ? "certificates_folder" : "certificates"),
        absl::StrCat(label, " has certificates, but tls is \"", TlsModeName(service.tls),
                     "\"; did you mean \"terminate\"?"));
  } else if (terminates && !section.Written("certificates") && !has_folder) {
    context.problems.Error(
        section.PlaceOf("tls"),
        absl::StrCat(label,
                     " terminates TLS and lacks certificates = [{ chain = \"FILE\", key = "
                     "\"FILE\" }], or self_signed = true"));
  } else if (terminates && section.Inside("certificates").empty() && !has_folder) {
    context.problems.Error(section.PlaceOf("certificates"),
                           absl::StrCat(label,
                                        " has an empty list of certificates; at least one "
                                        "is needed"));
  }
}

void CheckRedirect(BuildContext& context, const Section& section, const ServiceConfig& service) {
  const std::string label = Label(section, "service");
  if (service.mode != ServiceMode::kHttp) {
    context.problems.Error(
        section.PlaceOf("redirect"),
        absl::StrCat(label, " redirects requests, which only mode = \"http\" understands"));
  }
  if (service.tls == TlsMode::kTerminate) {
    context.problems.Error(section.PlaceOf("redirect"),
                           absl::StrCat(label,
                                        " redirects to https, which it is itself; redirect "
                                        "is for tls = \"off\""));
  }
  if (section.Written("pool")) {
    context.problems.Error(
        section.PlaceOf("pool"),
        absl::StrCat(label, " redirects every request, so its pool would never be used"));
  }
}

void ResolvePool(BuildContext& context, const Section& section, ServiceConfig& service) {
  const std::string label = Label(section, "service");
  if (!section.Written("pool")) {
    if (section.Written("route") && service.tls == TlsMode::kPassthrough) return;
    const bool may_redirect = service.mode == ServiceMode::kHttp && service.tls == TlsMode::kOff;
    context.problems.Error(section.place(),
                           absl::StrCat(label, " lacks pool = \"NAME\"",
                                        may_redirect ? " or redirect = \"https\"" : ""));
    return;
  }
  service.pool = PoolNamedBy(context, section, label);
  if (service.pool.has_value()) CheckPoolFits(context, section, label, service, *service.pool);
}

void BuildTimeouts(const Section& service_section, ServiceTimeouts& timeouts) {
  for (const Section& section : service_section.Inside("timeouts")) {
    timeouts.handshake = section.GetOr("handshake", timeouts.handshake);
    timeouts.head = section.GetOr("head", timeouts.head);
    timeouts.idle = section.GetOr("idle", timeouts.idle);
    timeouts.body = section.GetOr("body", timeouts.body);
    timeouts.tunnel = section.GetOr("tunnel", timeouts.tunnel);
    timeouts.drain = section.GetOr("drain", timeouts.drain);
  }
}

void BuildLimits(const Section& service_section, ServiceLimits& limits) {
  for (const Section& section : service_section.Inside("limits")) {
    const auto number = [&](absl::string_view key, auto otherwise) {
      return static_cast<decltype(otherwise)>(
          section.GetOr<int64_t>(key, static_cast<int64_t>(otherwise)));
    };
    limits.head_bytes = number("head_bytes", limits.head_bytes);
    limits.headers = number("headers", limits.headers);
    limits.body_bytes = number("body_bytes", limits.body_bytes);
    limits.body_rate = number("body_rate", limits.body_rate);
    limits.requests_per_connection =
        number("requests_per_connection", limits.requests_per_connection);
  }
}

template <typename Choice>
struct HttpChoice {
  const char* text;
  Choice choice;
};
constexpr HttpChoice<ForwardedHeaders> kForwardedChoices[] = {
    {"x-forwarded", ForwardedHeaders::kXForwarded},
    {"rfc7239", ForwardedHeaders::kRfc7239},
    {"both", ForwardedHeaders::kBoth},
    {"off", ForwardedHeaders::kOff}};
constexpr HttpChoice<RequestIdHeader> kRequestIdChoices[] = {{"off", RequestIdHeader::kOff},
                                                             {"forward", RequestIdHeader::kForward},
                                                             {"return", RequestIdHeader::kReturn}};
constexpr HttpChoice<Upgrades> kUpgradeChoices[] = {
    {"websocket", Upgrades::kWebSocket}, {"any", Upgrades::kAny}, {"off", Upgrades::kOff}};

template <typename Choice, size_t kCount>
void Choose(BuildContext& context, const Section& section, const ServiceConfig& service,
            absl::string_view key, const HttpChoice<Choice> (&choices)[kCount], Choice& chosen) {
  if (section.Written(key) && service.mode != ServiceMode::kHttp) {
    context.problems.Error(
        section.PlaceOf(key),
        absl::StrCat(Label(section, "service"), " has ", key, ", which is for mode = \"http\""));
  }
  const std::string text = section.GetOr<std::string>(key, "");
  for (const HttpChoice<Choice>& one : choices) {
    if (text == one.text) chosen = one.choice;
  }
}

void BuildHttp(BuildContext& context, const Section& section, ServiceConfig& service) {
  service.accept_proxy = section.GetOr("accept_proxy", service.accept_proxy);
  service.trusted_proxies = section.GetOr("trusted_proxies", service.trusted_proxies);
  HttpOptions& http = service.http;
  Choose(context, section, service, "forwarded", kForwardedChoices, http.forwarded);
  Choose(context, section, service, "request_id", kRequestIdChoices, http.request_id);
  Choose(context, section, service, "upgrade", kUpgradeChoices, http.upgrade);
}

void BuildService(BuildContext& context, const Section& section, Declared& names) {
  ServiceConfig service;
  service.name = section.GetOr<std::string>("name", "");
  const auto mode = section.GetOr<std::string>("mode", "http");
  service.mode = mode == "l4"    ? ServiceMode::kL4
                 : mode == "tcp" ? ServiceMode::kTcp
                                 : ServiceMode::kHttp;
  const auto tls = section.GetOr<std::string>("tls", "off");
  service.tls = tls == "terminate"     ? TlsMode::kTerminate
                : tls == "passthrough" ? TlsMode::kPassthrough
                                       : TlsMode::kOff;
  service.redirect_to_https = section.Has("redirect");
  if (section.Has("name")) {
    names.Add(service.name, absl::StrCat("service name \"", service.name, "\""),
              section.PlaceOf("name"), context.problems);
  }
  BuildL4Service(context, section, service);
  BuildListens(context, section, service);
  if (service.is_l4()) {
    ResolvePool(context, section, service);
    context.config.services.push_back(std::move(service));
    return;
  }
  BuildCertificates(context, section, service);
  BuildTimeouts(section, service.timeouts);
  BuildLimits(section, service.limits);
  BuildTlsOptions(context, section, service);
  BuildHttp(context, section, service);
  service.welcome_when_empty = section.GetOr<std::string>("when_empty", "error") == "welcome";
  if (service.welcome_when_empty &&
      (service.mode != ServiceMode::kHttp || service.redirect_to_https)) {
    context.problems.Error(
        section.PlaceOf("when_empty"),
        absl::StrCat(Label(section, "service"),
                     " has no requests to welcome; when_empty is for mode = \"http\" with a pool"));
  }
  const std::string access_log = section.GetOr<std::string>("access_log", "off");
  if (access_log == kAccessLogStdout) {
    service.access_log = access_log;
  } else if (access_log != "off") {
    service.access_log = ResolvedPath(context, section, "access_log");
  }
  if (section.Written("redirect")) {
    CheckRedirect(context, section, service);
  } else {
    ResolvePool(context, section, service);
  }
  BuildPassthrough(context, section, service);
  context.config.services.push_back(std::move(service));
}

bool Uses(const ServiceConfig& service, size_t pool) {
  return service.pool == pool ||
         std::any_of(service.routes.begin(), service.routes.end(),
                     [pool](const RouteConfig& route) { return route.pool == pool; });
}

// A pool without a service does nothing: probably a name that was changed in one place only.
void WarnOfUnusedPools(BuildContext& context) {
  const std::vector<Section>& pools = context.top.Inside("pool");
  for (size_t i = 0; i < pools.size(); ++i) {
    const bool used = std::any_of(context.config.services.begin(), context.config.services.end(),
                                  [i](const ServiceConfig& service) { return Uses(service, i); });
    if (!used) {
      context.problems.Warn(pools[i].PlaceOf("name"),
                            absl::StrCat(Label(pools[i], "pool"), " is used by no service"));
    }
  }
}

}  // namespace

void BuildServices(BuildContext& context) {
  Declared names;
  size_t listens = 0;
  bool said = false;
  for (const Section& section : context.top.Inside("service")) {
    BuildService(context, section, names);
    const ServiceConfig& built = context.config.services.back();
    const size_t protocols = built.protocols.tcp && built.protocols.udp ? 2 : 1;
    listens += built.listen.size() * protocols;
    if (listens <= kMaxListens || said) continue;
    context.problems.Error(
        section.place(),
        absl::StrCat("with ", Label(section, "service"), " there are ", listens,
                     " endpoints to listen on; at most ", kMaxListens, " are possible"));
    said = true;
  }
  WarnOfUnusedPools(context);
}

}  // namespace koi
