// Those who need no token: what is believed of a proxy and of a certificate, who gets which role,
// and what a page of somebody else cannot do in their name.
#include <doctest/doctest.h>
#include <openssl/evp.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "api/base/sealed_json.h"
#include "api/people/asking_person.h"
#include "api/people/people_store.h"
#include "api/proxy/client_certificate.h"
#include "api/rest/router.h"
#include "tests/api/fake_request.h"

namespace tocsin::api {
namespace {
using tests::FakeRequest;
using tests::header_of;

// A certificate with these common names and alternative names ("DNS:a,URI:b").
ClientCertificate certificate(const std::vector<std::string>& common,
                              const std::string& alternatives) {
  struct Free {
    void operator()(X509* one) const { X509_free(one); }
    void operator()(X509_EXTENSION* one) const { X509_EXTENSION_free(one); }
  };
  const std::unique_ptr<X509, Free> made(X509_new());
  for (const std::string& name : common) {
    REQUIRE(X509_NAME_add_entry_by_NID(X509_get_subject_name(made.get()), NID_commonName,
                                       MBSTRING_UTF8,
                                       reinterpret_cast<const unsigned char*>(name.data()),
                                       static_cast<int>(name.size()), -1, 0) == 1);
  }
  if (!alternatives.empty()) {
    const std::unique_ptr<X509_EXTENSION, Free> extension(
        X509V3_EXT_conf_nid(nullptr, nullptr, NID_subject_alt_name, alternatives.c_str()));
    REQUIRE(extension != nullptr);
    REQUIRE(X509_add_ext(made.get(), extension.get(), -1) == 1);
  }
  REQUIRE(ASN1_TIME_set_string(X509_getm_notAfter(made.get()), "20300102030405Z") == 1);
  return read_client_certificate(*made);
}

std::string names(const std::vector<std::string>& of) {
  std::string text;
  for (const std::string& name : of) text += (text.empty() ? "" : "|") + name;
  return text;
}

AskingPeople proxied() {
  auto made = AskingPeople::make({"X-User", "X-Groups", {"10.0.0.0/8", "::1"}});
  REQUIRE(made);
  return *std::move(made);
}

// Who asks, as text: "person:ada of group:x|group:y", "nobody", or what is said against it.
std::string who(const AskingPeople& asking, const FakeRequest& request) {
  const auto person = asking.person_of(request);
  if (!person) return person.error();
  if (!*person) return "nobody";
  const std::string groups = names((*person)->groups);
  return names((*person)->names) + (groups.empty() ? "" : " of " + groups);
}

FakeRequest from(std::string address, std::vector<HttpHeader> headers,
                 std::shared_ptr<const ClientCertificate> certificate = {}) {
  FakeRequest request("GET", "/v1/rules/r", std::move(headers));
  request.set_sender(std::move(address), std::move(certificate));
  return request;
}

TEST_CASE("people: a certificate's names are what two readers read alike") {
  CHECK(names(certificate({"till-1"}, "").names) == "till-1");
  CHECK(names(certificate({"till-1", "till-2"}, "").names).empty());
  CHECK(names(certificate({}, "").names).empty());
  CHECK(names(certificate({std::string("till-1\0.evil", 12)}, "").names).empty());
  CHECK(names(certificate({"till\n1"}, "").names).empty());
  CHECK(names(certificate({" till-1"}, "").names).empty());
  CHECK(names(certificate({"till-1"},
                          "DNS:a.example,URI:spiffe://b/c,email:d@e,DNS:a.example,"
                          "IP:10.0.0.1")
                  .names) == "a.example|spiffe://b/c|d@e");
  // With an alternative name the common one means nothing.
  CHECK(names(certificate({"till-1"}, "DNS:a.example").names) == "a.example");
  CHECK(names(certificate({"till-1"}, "IP:10.0.0.1").names) == "till-1");
  CHECK(certificate({"till-1"}, "").ends.time_since_epoch() == std::chrono::seconds(1893553445));
}

TEST_CASE("people: a header is believed of listed proxies alone, and only if it is one") {
  const AskingPeople asking = proxied();
  const HttpHeader ada{"x-user", " ada@bank.example "};
  CHECK(who(asking, from("10.1.2.3", {ada})) == "person:ada@bank.example");
  CHECK(who(asking, from("::1", {ada})) == "person:ada@bank.example");
  CHECK(who(asking, from("11.1.2.3", {ada})) == "nobody");
  CHECK(who(asking, from("", {ada})) == "nobody");
  CHECK(who(asking, from("10.1.2.3", {})) == "nobody");
  CHECK(who(asking, from("10.1.2.3", {{"x-user", " "}})) == "nobody");
  CHECK(who(asking, from("10.1.2.3", {ada, {"x-user", "root"}})) ==
        "the header x-user is there twice");
  CHECK(who(asking, from("10.1.2.3", {{"x-user", "a\xff"}})) ==
        "the header x-user has no name of a person");
  CHECK(who(asking, from("10.1.2.3", {{"x-user", std::string(201, 'a')}})) ==
        "the header x-user has no name of a person");
  CHECK(who(asking, from("10.1.2.3", {ada, {"x-groups", "fraud, cards,,"}, {"x-groups", "ops"}})) ==
        "person:ada@bank.example of group:fraud|group:cards|group:ops");
  CHECK(who(asking, from("10.1.2.3", {{"x-groups", "admins"}})) == "nobody");
  CHECK(who(AskingPeople(), from("10.1.2.3", {ada})) == "nobody");
}

TEST_CASE("people: a certificate names its client, after whom its proxy names") {
  const auto till = std::make_shared<const ClientCertificate>(certificate({"till-1"}, ""));
  CHECK(who(AskingPeople(), from("11.1.2.3", {}, till)) == "certificate:till-1");
  CHECK(who(proxied(), from("10.1.2.3", {{"x-user", "ada"}}, till)) == "person:ada");
  CHECK(who(proxied(), from("10.1.2.3", {}, till)) == "certificate:till-1");
  const auto nameless = std::make_shared<const ClientCertificate>(certificate({}, ""));
  CHECK(who(AskingPeople(), from("11.1.2.3", {}, nameless)) == "nobody");
  const auto person = AskingPeople().person_of(from("11.1.2.3", {}, till));
  CHECK((*person)->ends_at == cep::EventTime{1893553445'000'000});
}

TEST_CASE("people: settings that would believe too much, or nothing, are refused") {
  const auto fault = [](PeopleHeaders headers) {
    const auto made = AskingPeople::make(headers);
    return made ? std::string() : made.error().message;
  };
  CHECK(fault({}).empty());
  CHECK(fault({"X-User", "", {}}).starts_with("people.header is believed of the addresses in"));
  CHECK(fault({"", "", {"10.0.0.1"}}).starts_with("people.proxies are believed by the header in"));
  CHECK(fault({"", "X-Groups", {}}).starts_with("people.groups_header is of the person in"));
  CHECK(fault({"X-User", "x-user", {"::1"}}).starts_with("people.header and people.groups_header"));
  CHECK(fault({"X-User", "", {"10.0.0"}}).starts_with("people.proxies: "));
  for (const char* name : {"X User", "X:User", "Cookie", "authorization"})
    CHECK(fault({name, "", {"::1"}}).starts_with("people.header: `"));
}

TEST_CASE("people: an entry of one's own counts, else the group that may do most") {
  PeopleList list;
  for (const auto& [name, role] : {std::pair{"person:ada", Role::kReader},
                                   {"group:a", Role::kApprover},
                                   {"group:b", Role::kAnalyst},
                                   {"group:c", Role::kAnalyst},
                                   {"group:d", Role::kReader}})
    CHECK(list.put({name, role}));
  const auto role = [&](std::vector<std::string> of, std::vector<std::string> groups) {
    const auto grant = list.grant_of({std::move(of), std::move(groups)});
    if (!grant) return std::string("none");
    return grant->name + " " + std::string(role_name(grant->role)) + " by " + grant->by;
  };
  CHECK(role({"person:ada"}, {"group:a"}) == "person:ada reader by person:ada");
  CHECK(role({"person:bob"}, {"group:d", "group:a"}) == "person:bob approver by group:a");
  CHECK(role({"person:bob"}, {"group:d", "group:c", "group:b", "group:a"}) ==
        "person:bob analyst by group:b");
  CHECK(role({"person:bob"}, {"group:x"}) == "none");
  CHECK(role({"certificate:x", "certificate:y"}, {}) == "none");
  CHECK(list.put({"certificate:y", Role::kProducer}));
  CHECK(role({"certificate:x", "certificate:y"}, {}) == "certificate:y producer by certificate:y");

  const cep::EventTime now{1'000'000};
  TokenGrant grant = *list.grant_of({{"person:bob"}, {"group:d"}, cep::EventTime{2'000'000}});
  CHECK(list.has(grant, now));
  CHECK_FALSE(list.has(grant, cep::EventTime{2'000'000}));
  CHECK(list.grant_again("person:bob", "group:d")->role == Role::kReader);
  CHECK_FALSE(list.put({"group:d", Role::kReader, {{"cards"}, {}}}));  // no new one
  CHECK_FALSE(list.has(grant, now));
  grant = *list.grant_of({{"person:bob"}, {"group:d"}});
  CHECK(grant.scope.tags.contains("cards"));
  CHECK(list.remove("group:d"));
  CHECK_FALSE(list.remove("group:d"));
  CHECK_FALSE(list.has(grant, now));
  CHECK_FALSE(list.grant_again("person:bob", "group:d"));
}

TEST_CASE("people: the list is on disk, for its owner alone, and damage is told") {
  std::string folder = (std::filesystem::temp_directory_path() / "tocsin-people-XXXXXX").string();
  REQUIRE(::mkdtemp(folder.data()) != nullptr);
  const std::string file = folder + "/" + kPeopleFile;
  {
    auto store = *PeopleStore::open(file);
    CHECK(*store->put({"group:fraud", Role::kAnalyst, {{"cards"}, {"payment"}}}));
    CHECK(*store->put({"person:Ada Lovelace", Role::kAdmin}));
    CHECK_FALSE(*store->put({"person:Ada Lovelace", Role::kReader}));
    CHECK(*store->remove("person:nobody") == false);
    for (const char* name : {"ada", "person:", "person: ada", "person:ada ", "person:a\nb",
                             "Group:x", "person:a\xff"}) {
      CAPTURE(name);
      CHECK(store->put({name, Role::kReader}).error().code == Errc::kInvalidArgument);
    }
    CHECK(store->put({"person:" + std::string(200, 'a'), Role::kReader}));
    CHECK_FALSE(store->put({"person:" + std::string(201, 'a'), Role::kReader}));
  }
  {
    auto full = *PeopleStore::open(file, 3);
    CHECK(full->put({"person:one more", Role::kReader}).error().code == Errc::kConflict);
    CHECK(full->put({"person:Ada Lovelace", Role::kReader}));  // no new one
  }
  struct stat status {};
  REQUIRE(::stat(file.c_str(), &status) == 0);
  CHECK((status.st_mode & 0777) == 0600);
  const auto again = *PeopleStore::open(file);
  const auto list = again->list();
  REQUIRE(list->entries().size() == 3);
  CHECK(list->entries().at("person:Ada Lovelace").role == Role::kReader);
  CHECK(list->entries().at("group:fraud").scope == TokenScope{{"cards"}, {"payment"}});
  std::ofstream(file, std::ios::app) << " ";
  std::ofstream(file) << R"({"people":[{"who":"ada","role":"admin"}]})";
  CHECK(PeopleStore::open(file).error().code == Errc::kCorrupt);
  std::ofstream(file) << seal_json({{"people", nlohmann::ordered_json::array()}}, 2);
  CHECK(PeopleStore::open(file).error().code == Errc::kOtherVersion);
  std::filesystem::remove_all(folder);
}

TEST_CASE("people: the router takes a token first, then whom others name, and no foreign page") {
  Vouched vouched;
  RouterOptions options;
  options.version = "1";
  options.vouched = [&](const HttpRequest&) { return vouched; };
  Router router(std::move(options));
  for (const char* method : {"GET", "POST"}) {
    router.add({.method = method,
                .path = "/v1/it",
                .operation_id = method,
                .tag = "x",
                .summary = "It",
                .role = Role::kAnalyst,
                .handler = [](ApiRequest& request) {
                  return HttpResponse{200, {}, "text/plain", request.grant.name};
                }});
  }
  AccessList access;
  const NewToken ann = *make_token({"ann", Role::kAnalyst});
  REQUIRE(access.add(ann.stored));
  const auto ask = [&](const char* method, std::vector<HttpHeader> headers) {
    FakeRequest request(method, "/v1/it", std::move(headers));
    return router.handle(request, access);
  };
  const HttpHeader token{"authorization", "Bearer " + ann.token};
  CHECK(ask("GET", {}).status == 401);
  vouched.refusal = "certificate:x has no role here";
  const HttpResponse unknown = ask("GET", {});
  CHECK(unknown.status == 401);
  CHECK(header_of(unknown, "WWW-Authenticate") != nullptr);
  CHECK(unknown.body.find("certificate:x has no role here") != std::string::npos);
  vouched.is_person = true;
  CHECK(ask("GET", {}).status == 403);
  CHECK(ask("GET", {token}).body == "ann");
  vouched = {.grant = TokenGrant{"person:ada", Role::kAnalyst, {}, {}, {}, "group:fraud"}};
  CHECK(ask("GET", {}).body == "person:ada");
  CHECK(ask("POST", {}).body == "person:ada");
  CHECK(ask("GET", {token}).body == "ann");
  vouched.grant->role = Role::kReader;
  const HttpResponse small = ask("GET", {});
  CHECK(small.status == 403);
  CHECK(small.body.find("requires the role analyst; person:ada has the role reader") !=
        std::string::npos);
  vouched.grant->role = Role::kAdmin;
  vouched.foreign = "a change comes from a page of https://evil.example";
  CHECK(ask("GET", {}).status == 200);
  CHECK(ask("POST", {}).status == 403);
  CHECK(ask("POST", {token}).status == 200);
}

TEST_CASE(
    "people: what a browser sends for another page is foreign; what no browser sends is not") {
  const auto foreign = [](std::vector<HttpHeader> headers, bool is_secure = false) {
    headers.push_back({"host", "tocsin.bank:8443"});
    return !foreign_page(FakeRequest("POST", "/", std::move(headers)).head(), is_secure).empty();
  };
  CHECK_FALSE(foreign({}));
  CHECK_FALSE(foreign({{"origin", "https://tocsin.bank:8443"}}));
  CHECK_FALSE(foreign({{"origin", "http://tocsin.bank:8443"}}));
  CHECK(foreign({{"origin", "http://tocsin.bank:8443"}}, true));
  CHECK(foreign({{"origin", "https://tocsin.bank"}}));
  CHECK(foreign({{"origin", "null"}}));
  CHECK(foreign({{"sec-fetch-site", "cross-site"}}));
}
}  // namespace
}  // namespace tocsin::api
