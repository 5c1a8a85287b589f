#include "api/people/identities.h"

#include <utility>

#include "api/rest/first_token.h"

namespace tocsin::api {
Result<AskingPeople> asking_people(const Configuration& configuration) {
  return AskingPeople::make({configuration.text("people.header"),
                             configuration.text("people.groups_header"),
                             configuration.texts("people.proxies")});
}

Result<void> Identities::open(const Configuration& configuration, const std::string& folder) {
  Result<AskingPeople> asking = asking_people(configuration);
  if (!asking) return tl::unexpected(asking.error());
  asking_ = *std::move(asking);
  is_secure_ = !configuration.text("http.tls_certificate").empty();
  // What is wrong with the setting, the start says.
  if (auto proxies = TrustedProxies::make(configuration.texts("http.trusted_proxies")); proxies)
    proxies_ = *std::move(proxies);
  Result<std::unique_ptr<TokenStore>> tokens = TokenStore::open(folder + "/" + kTokensFile);
  if (!tokens) return tl::unexpected(tokens.error());
  tokens_ = *std::move(tokens);
  Result<std::unique_ptr<PeopleStore>> people =
      PeopleStore::open(folder + "/" + kPeopleFile,
                        static_cast<std::size_t>(configuration.integer("people.entries_max")));
  if (!people) return tl::unexpected(people.error());
  people_ = *std::move(people);
  const ViewLimits limits{static_cast<std::size_t>(configuration.integer("views.max")),
                          static_cast<std::size_t>(configuration.integer("views.own_max"))};
  Result<std::unique_ptr<ViewStore>> views = ViewStore::open(folder + "/" + kViewsFile, limits);
  if (!views) return tl::unexpected(views.error());
  views_ = *std::move(views);
  const auto first = make_first_token(*tokens_, folder);
  if (!first) return tl::unexpected(first.error());
  first_token_file_ = first->value_or("");
  return {};
}

Vouched Identities::vouched(const HttpRequest& request) const {
  Vouched vouched;
  const auto person = asking_.person_of(request);
  if (!person) return {.refusal = person.error(), .is_person = true};
  if (!*person) return vouched;
  const Person& known = **person;
  vouched.grant = people_->list()->grant_of(known);
  vouched.is_person = known.names.front().starts_with("person:");
  vouched.foreign = foreign_page(request.head(), is_secure_ || came_by_https(proxies_, request));
  if (vouched.grant) return vouched;
  vouched.refusal = no_role_text(known);
  return vouched;
}

bool Identities::has(const TokenGrant& grant, cep::EventTime now) const {
  return grant.by.empty() ? tokens_->list()->has(grant, now) : people_->list()->has(grant, now);
}

void Identities::note_use(const TokenGrant& grant, cep::EventTime now) const {
  if (grant.by.empty()) tokens_->used(grant.name, now);
}
}  // namespace tocsin::api
