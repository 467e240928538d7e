// SPDX-License-Identifier: Apache-2.0
// state.toml: what is written is read, what is broken is said, and what it does to a configuration.
#include "config/state.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "config/state_changes.h"
#include "config_text.h"

namespace koi {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

const StateNote kNote = {
    .by = "root", .at = "2026-01-02T03:04:05Z", .why = "a \"reason\"\n\\ \x7f"};

AddedBackend Added(const std::string& name, const std::string& endpoint) {
  return {"web", name, Endpoint::Parse(endpoint).value(), 50, kNote};
}
NotedBackend Noted(const std::string& name) { return {"web", name, kNote}; }

// The errors of `text` as state.toml: "3:1: message".
std::vector<std::string> StateErrors(const std::string& text) {
  std::vector<std::string> errors;
  for (const ConfigError& error : ParseState({"state.toml", text}).errors) {
    errors.push_back(absl::StrCat(error.line, ":", error.column, ": ", error.message));
  }
  return errors;
}

class StateChangesTest : public testing::Test {
 protected:
  const Config file = Parse(kSmallConfig).config.value();  // pool web with web-1, 10.0.2.11:8080
  State state;

  // "web-1 10.0.2.11:8080 file" of each backend of pool web.
  std::vector<std::string> Backends() const {
    std::vector<std::string> backends;
    const AppliedState applied = ApplyState(state, file);
    for (const BackendConfig& backend : applied.config.pools[0].backends) {
      backends.push_back(absl::StrCat(backend.name, " ", backend.endpoint.ToString(),
                                      backend.from_cli ? " cli" : " file",
                                      backend.draining ? " draining" : ""));
    }
    return backends;
  }
  absl::Status Take(absl::StatusOr<State> next) {
    if (next.ok()) state = *std::move(next);
    return next.status();
  }
};

TEST(StateTest, WhatIsWrittenIsRead) {
  const State state = {.revision = 12,
                       .added = {Added("web-2", "[fd00::1]:80"), Added("web-3", "10.0.0.3:80")},
                       .removed = {Noted("web-1")},
                       .draining = {Noted("web-2"), Noted("web-4")},
                       .weighted = {{"web", "web-4", 7, kNote}}};
  const StateResult read = ParseState({"state.toml", FormatState(state)});
  ASSERT_TRUE(read.state.has_value()) << read.errors.at(0).ToString();
  EXPECT_EQ(*read.state, state);
  EXPECT_THAT(FormatState({.revision = 12, .draining = {Noted("web-1")}}),
              HasSubstr("version = 1\nrevision = 12\nchanges = 1\n\n[[draining]]\npool = \"web\"\n"
                        "name = \"web-1\"\nby = \"root\"\nat = \"2026-01-02T03:04:05Z\"\n"));
}

TEST(StateTest, FileCutShortAnywhereIsNeverTaken) {
  const std::string text =
      FormatState({.revision = 3, .added = {Added("a", "10.0.0.3:80")}, .removed = {Noted("b")}});
  for (size_t bytes = 0; bytes + 1 < text.size(); ++bytes) {  // the last byte is a line's end
    SCOPED_TRACE(bytes);
    ASSERT_FALSE(ParseState({"state.toml", text.substr(0, bytes)}).state.has_value());
  }
  EXPECT_THAT(StateErrors("version = 1\nrevision = 3\nchanges = 2\n"),
              ElementsAre("3:11: changes 2, but there are 0: the file was cut short or edited"));
}

TEST(StateTest, WhatIsWrongHasItsPlace) {
  const std::string head = "version = 1\nrevision = 3\nchanges = 1\n";
  EXPECT_THAT(StateErrors(""), testing::SizeIs(3));
  EXPECT_THAT(StateErrors("version = 2\nrevision = 3\nchanges = 0\n"),
              ElementsAre("1:11: version 2 is not the number 1"));
  EXPECT_THAT(StateErrors(head + "drainig = 1\n[[added]]\npool = 1\n"),
              testing::Contains("4:1: unknown key \"drainig\"; did you mean [[draining]]?"));
  const std::string change =
      "[[removed]]\npool = \"w\"\nname = \"x\"\nby = \"\"\nat = \"\"\nwhy = \"\"\n";
  EXPECT_THAT(StateErrors("version = 1\nrevision = 3\nchanges = 2\n" + change + change),
              ElementsAre("10:1: backend w/x is removed twice"));
}

TEST_F(StateChangesTest, ChangesAreMadeOneOnTopOfTheOther) {
  ASSERT_TRUE(Take(WithAdded(state, file, Added("web-2", "10.0.0.2:80"))).ok());
  ASSERT_TRUE(Take(WithDraining(state, file, Noted("web-2"))).ok());
  ASSERT_TRUE(Take(WithDraining(state, file, Noted("web-1"))).ok());
  EXPECT_THAT(Backends(),
              ElementsAre("web-1 10.0.2.11:8080 file draining", "web-2 10.0.0.2:80 cli draining"));
  EXPECT_EQ(state.revision, 3);
  ASSERT_TRUE(Take(WithDraining(state, file, Noted("web-1"))).ok());
  EXPECT_EQ(state.revision, 3) << "nothing changed";

  ASSERT_TRUE(Take(WithoutDraining(state, file, Noted("web-1"))).ok());
  ASSERT_TRUE(Take(WithRemoved(state, file, Noted("web-2"))).ok());
  EXPECT_THAT(Backends(), ElementsAre("web-1 10.0.2.11:8080 file"));
  EXPECT_EQ(state, State{.revision = 5}) << "nothing is left to be said";
}

TEST_F(StateChangesTest, RemovedOneOfTheFileMayComeBackOrBeReplaced) {
  ASSERT_TRUE(Take(WithRemoved(state, file, Noted("web-1"))).ok());
  EXPECT_THAT(Backends(), IsEmpty());
  AddedBackend again = Added("web-1", "10.0.2.11:8080");
  again.weight = 100;
  State back = WithAdded(state, file, again).value();
  EXPECT_THAT(back.removed, IsEmpty());
  EXPECT_THAT(back.added, IsEmpty());

  ASSERT_TRUE(Take(WithAdded(state, file, Added("web-1", "10.0.0.9:80"))).ok());
  EXPECT_THAT(Backends(), ElementsAre("web-1 10.0.0.9:80 cli"));
}

TEST_F(StateChangesTest, WeightIsRememberedWhileItIsNotThatOfTheFile) {
  const auto weight = [&] { return ApplyState(state, file).config.pools[0].backends[0].weight; };
  const auto give = [&](uint32_t value) {
    return Take(WithWeight(state, file, {"web", "web-1", value, kNote}));
  };
  ASSERT_TRUE(give(7).ok());
  EXPECT_EQ(weight(), 7U);
  ASSERT_TRUE(give(8).ok());
  EXPECT_EQ(weight(), 8U);
  EXPECT_EQ(state.weighted.size(), 1U);
  ASSERT_TRUE(give(100).ok());
  EXPECT_EQ(weight(), 100U);
  EXPECT_THAT(state.weighted, IsEmpty());
  EXPECT_TRUE(absl::IsInvalidArgument(give(0)));
  EXPECT_TRUE(absl::IsInvalidArgument(give(1001)));
  EXPECT_TRUE(absl::IsNotFound(WithWeight(state, file, {"web", "web-9", 7, kNote}).status()));

  ASSERT_TRUE(give(7).ok());
  ASSERT_TRUE(Take(WithRemoved(state, file, Noted("web-1"))).ok());
  EXPECT_THAT(state.weighted, IsEmpty());
}

TEST_F(StateChangesTest, BackendOfAnL4PoolIsAddedWhereAFileCouldHaveItToo) {
  const Config l4 = Parse(kL4Config).config.value();
  const auto add = [&](const char* endpoint) {
    return WithAdded(State(), l4, {"dns", "dns-2", *Endpoint::Parse(endpoint), 100, kNote})
        .status();
  };
  EXPECT_TRUE(add("10.0.2.12:53").ok());
  EXPECT_TRUE(absl::IsAlreadyExists(add("10.0.2.11:54"))) << "the port does not make it another";
  EXPECT_TRUE(absl::IsInvalidArgument(add("10.0.1.201:53"))) << "a VIP";
  EXPECT_TRUE(absl::IsInvalidArgument(add("[fd00::1]:53"))) << "dsr, and another family";
}

TEST_F(StateChangesTest, MistakesSayWhatThereIs) {
  const auto why = [](const absl::StatusOr<State>& next) {
    return std::string(next.status().message());
  };
  EXPECT_EQ(why(WithDraining(state, file, {"wbe", "x", {}})),
            "there is no pool \"wbe\"; did you mean \"web\"?");
  EXPECT_EQ(why(WithRemoved(state, file, Noted("nothing"))),
            "in pool \"web\" there is no backend \"nothing\"; there are: web-1");
  EXPECT_EQ(why(WithAdded(state, file, Added("web-1", "10.0.0.4:80"))),
            "pool \"web\" already has a backend \"web-1\", 10.0.2.11:8080");
  EXPECT_EQ(why(WithAdded(state, file, Added("web-2", "10.0.2.11:8080"))),
            "pool \"web\" already has 10.0.2.11:8080, as backend \"web-1\"");
  EXPECT_EQ(why(WithAdded(state, file, Added("a b", "10.0.0.4:80"))),
            "\"a b\" is no name: 1 to 31 letters, digits, \"_\", \".\" and \"-\"");
  AddedBackend heavy = Added("web-2", "10.0.0.4:80");
  heavy.weight = 1001;
  EXPECT_EQ(why(WithAdded(state, file, heavy)), "weight 1001 is not a number from 1 to 1000");
}

TEST_F(StateChangesTest, WhatMeansNothingAnyMoreIsDroppedAndSaid) {
  state = {.revision = 9,
           .added = {Added("web-1", "10.0.2.11:8080"),
                     Added("web-2", "10.0.2.11:8080"),
                     {"gone", "x", Endpoint(), 1, kNote}},
           .removed = {Noted("web-7")},
           .draining = {Noted("web-1"), Noted("web-7")}};
  const AppliedState applied = ApplyState(state, file);
  const std::string by = " by root at 2026-01-02T03:04:05Z: dropped, ";
  EXPECT_THAT(
      applied.dropped,
      ElementsAre("backend web/web-7, removed" + by + "the file does not have it any more",
                  "backend web/web-1, added" + by + "the file has it now",
                  "backend web/web-2, added" + by + "the file has its address now, as \"web-1\"",
                  "backend gone/x, added" + by + "there is no pool \"gone\" any more",
                  "backend web/web-7, drained" + by + "there is no such backend any more"));
  EXPECT_EQ(applied.state, (State{.revision = 9, .draining = {Noted("web-1")}}));
}

}  // namespace
}  // namespace koi
