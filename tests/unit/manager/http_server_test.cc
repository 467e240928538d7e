// SPDX-License-Identifier: Apache-2.0
// The administrative HTTP server against libcurl.
#include "manager/stats/http_server.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <filesystem>

#include "absl/strings/str_cat.h"
#include "http_client.h"
#include "net/socket.h"

namespace koi {
namespace {

using ::testing::HasSubstr;
using ::testing::IsEmpty;

class HttpServerTest : public testing::Test {
 protected:
  void Serve(HttpServer::Options options) {
    absl::StatusOr<Fd> listener =
        ListenTcp({.address = Address::Parse("127.0.0.1").value(), .port = 0});
    ASSERT_TRUE(listener.ok()) << listener.status();
    url_ = absl::StrCat("http://", LocalEndpoint(listener->get())->ToString());
    Start(*std::move(listener), std::move(options));
  }

  void Start(Fd listener, HttpServer::Options options) {
    absl::StatusOr<std::unique_ptr<HttpServer>> server = HttpServer::Start(
        *loop_, std::move(listener), std::move(options), [this](const HttpRequest& request) {
          requests_.push_back(request);
          if (request.path == "/later") {
            return HttpResponse{.later = [this](HttpResponse::Answer answer) {
              answers_.push_back(std::move(answer));
            }};
          }
          return HttpResponse{.status = 200, .content_type = "text/x-test", .body = "hello"};
        });
    ASSERT_TRUE(server.ok()) << server.status();
    server_ = *std::move(server);
  }

  Fetched Get(const std::string& path, const std::string& credentials = "") {
    return FetchFrom(*loop_, {.url = url_ + path, .credentials = credentials});
  }

  std::unique_ptr<EventLoop> loop_ = EventLoop::Create().value();
  std::unique_ptr<HttpServer> server_;
  std::string url_;
  std::vector<HttpRequest> requests_;
  std::vector<HttpResponse::Answer> answers_;  // of those who wait at /later
};

TEST_F(HttpServerTest, AnswerThatComesLaterReachesTheClientAndOthersDoNotWaitForIt) {
  Serve({});
  std::future<Fetched> late =
      std::async(std::launch::async, BlockingFetch, Fetch{.url = url_ + "/later"});
  while (answers_.empty()) loop_->Turn(std::chrono::milliseconds(5));
  EXPECT_EQ(Get("/").body, "hello");
  EXPECT_EQ(late.wait_for(std::chrono::seconds(0)), std::future_status::timeout);

  answers_[0]({.status = 418, .body = "late"});
  while (late.wait_for(std::chrono::seconds(0)) != std::future_status::ready) {
    loop_->Turn(std::chrono::milliseconds(5));
  }
  const Fetched fetched = late.get();
  EXPECT_EQ(fetched.status, 418);
  EXPECT_EQ(fetched.body, "late");
}

TEST_F(HttpServerTest, ServerMayEndWhileSomebodyWaitsAndBeAnsweredAfterwards) {
  Serve({});
  std::future<Fetched> late =
      std::async(std::launch::async, BlockingFetch, Fetch{.url = url_ + "/later"});
  while (answers_.empty()) loop_->Turn(std::chrono::milliseconds(5));
  server_.reset();
  answers_[0]({.body = "too late"});
  EXPECT_NE(late.get().body, "too late");
}

TEST_F(HttpServerTest, RequestReachesTheHandlerAndItsAnswerTheClient) {
  Serve({});
  const Fetched fetched = Get("/a%20b?query=1");
  EXPECT_EQ(fetched.status, 200);
  EXPECT_EQ(fetched.body, "hello");
  EXPECT_THAT(fetched.headers, HasSubstr("Content-Type: text/x-test\r\n"));
  EXPECT_THAT(fetched.headers, HasSubstr("Cache-Control: no-store\r\n"));
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].method, "GET");
  EXPECT_EQ(requests_[0].path, "/a b");
  EXPECT_EQ(requests_[0].body, "");
  EXPECT_EQ(requests_[0].peer, "");
}

TEST_F(HttpServerTest, BodyArrivesWhole) {
  Serve({});
  const std::string body(60'000, 'x');
  const Fetched fetched =
      FetchFrom(*loop_, {.url = url_ + "/post", .method = "POST", .body = body});
  EXPECT_EQ(fetched.status, 200);
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].method, "POST");
  EXPECT_EQ(requests_[0].body, body);
}

TEST_F(HttpServerTest, BodyAnnouncedAsTooLargeIsRefused) {
  Serve({.body_limit_bytes = 10});
  const Fetched fetched = FetchFrom(*loop_, {.url = url_, .method = "POST", .body = "12345678901"});
  EXPECT_EQ(fetched.status, 413);
  EXPECT_THAT(requests_, IsEmpty());
}

TEST_F(HttpServerTest, BodyThatGrowsTooLargeEndsTheConnection) {
  Serve({.body_limit_bytes = 10});
  const Fetched fetched =
      FetchFrom(*loop_, {.url = url_, .method = "POST", .body = "12345678901", .chunked = true});
  EXPECT_NE(fetched.result, CURLE_OK);
  EXPECT_THAT(requests_, IsEmpty());
}

TEST_F(HttpServerTest, PasswordIsAskedFor) {
  Serve({.user = "admin", .password = "foobar23"});
  const Fetched fetched = Get("/stats");
  EXPECT_EQ(fetched.status, 401);
  EXPECT_THAT(fetched.headers, HasSubstr("WWW-Authenticate: Basic realm=\"koi\"\r\n"));
  EXPECT_THAT(requests_, IsEmpty());
}

TEST_F(HttpServerTest, RightPasswordIsLetIn) {
  Serve({.user = "admin", .password = "foo:bar"});
  EXPECT_EQ(Get("/stats", "admin:foo:bar").status, 200);
}

TEST_F(HttpServerTest, AnyOtherPasswordOrUserIsNot) {
  Serve({.user = "admin", .password = "foobar23"});
  for (const char* credentials : {"admin:foobar2", "admin:foobar234", "admin:foobar2foobar23",
                                  "admin:", "Admin:foobar23", "adminadmin:foobar23", ":foobar23"}) {
    EXPECT_EQ(Get("/stats", credentials).status, 401) << credentials;
  }
  EXPECT_THAT(requests_, IsEmpty());
}

TEST_F(HttpServerTest, OpenPathNeedsNoPassword) {
  Serve({.user = "admin", .password = "foobar23", .open_paths = {"/health"}});
  EXPECT_EQ(Get("/health").status, 200);
  EXPECT_EQ(Get("/health/").status, 401);
  EXPECT_EQ(Get("/stats").status, 401);
}

TEST_F(HttpServerTest, IdleConnectionIsClosed) {
  Serve({.idle_limit_seconds = 1});
  Fd client = ConnectTcp(Endpoint::Parse(url_.substr(7)).value()).value();
  char byte = 0;
  ssize_t got = -1;
  const TimePoint limit = Now() + std::chrono::seconds(10);
  while (got < 0 && Now() < limit) {
    loop_->Turn(std::chrono::milliseconds(50));
    got = ::recv(client.get(), &byte, 1, MSG_DONTWAIT);
  }
  EXPECT_EQ(got, 0);
}

TEST_F(HttpServerTest, FurtherConnectionsWaitForAFreePlace) {
  Serve({.connection_limit = 1, .idle_limit_seconds = 1});
  const Fd occupant = ConnectTcp(Endpoint::Parse(url_.substr(7)).value()).value();
  loop_->Turn(std::chrono::milliseconds(50));
  EXPECT_EQ(Get("/").status, 200);  // once the idle one is closed
}

TEST_F(HttpServerTest, PeerOfAUnixSocketIsKnown) {
  std::string folder = testing::TempDir() + "koi-http-XXXXXX";
  ASSERT_NE(::mkdtemp(folder.data()), nullptr);
  const std::string path = folder + "/koi.sock";
  Start(ListenUnix(path).value(), {});
  const Fetched fetched = FetchFrom(*loop_, {.url = "http://koi/x", .unix_socket = path});
  EXPECT_EQ(fetched.status, 200);
  ASSERT_EQ(requests_.size(), 1u);
  EXPECT_EQ(requests_[0].peer, absl::StrCat("uid=", ::getuid(), " pid=", ::getpid()));
  std::filesystem::remove_all(folder);
}

TEST_F(HttpServerTest, ServerGoesWithItsConnectionsOpen) {
  Serve({});
  const Fd client = ConnectTcp(Endpoint::Parse(url_.substr(7)).value()).value();
  loop_->Turn(std::chrono::milliseconds(50));
  server_.reset();
  char byte = 0;
  EXPECT_LE(::recv(client.get(), &byte, 1, MSG_DONTWAIT), 0);
}

}  // namespace
}  // namespace koi
