/// A file with every construct of the language, for tests that read, damage or print it.
#pragma once
#include <string_view>

namespace tocsin::tests {
inline constexpr std::string_view kSampleText = R"tocsin(# cards.tocsin
use "schema.tocsin"

defaults payment { currency: "EUR", channel: ecom }

const PROBE = 2.00
list test_cards   : string = ["4000-0000", "4111-1111"]
list scam_phrases : text   = ["gift card", "anydesk", "safe account"]
table merchants key merchant { mcc: int, risk: float } from "merchants.csv"

event payment from "PMT" {
  ts: time up to 30s late,
  id: string id unique within 1d,
  amount: decimal(2),
  ip: string? evidence pii,
  lat: float? from "geo.lat",
  channel: enum(pos, ecom, "a t m"),
  owner: string? = accounts[account].owner,
}

kind probe            = payment where amount < PROBE and channel = ecom
kind suspicious_login = login where not ok | password_reset where channel = phone | any alert

feature payments_10m    = count(payment) by card over last 10m
feature cards_on_device = distinct(card of payment or alert big where ok unless alerted by big) by device, card over last 1d excluding last 1h every 5m needs 3 events
features of payment by card over previous 30d every 1h needs 20 events {
  usual_amount = avg amount,
  usual_spread = stddev amount where amount > 0 unless alerted by big,
  smooth = ewma(amount, half life 7d),
  high = percentile(amount, 95),
  n = count,
}

rule card_testing "Small probes, then a large payment" {
  id card_testing_1
  description "It \"says\" what it does \u00e9"
  owner "fraud"
  severity if amount > 1_000 then high else low
  tags card_testing, ecom
  references "https://example.org/a", "b"
  falsepositives "our own cards"
  status shadow
  by account = payment.account as pays | transfer.from_account as sends, card
  when 3+ next greedy probe as probes where amount < 2 and prev.amount < amount until login where ok
    then first within 2m payment as hit where amount > 200 and merchant != probes.first.merchant
    then no next logout or reset where x
    then one of { a then b, 2..4 each c } as which
    then optional (d then e)
    then all of { f, 2 g as gs }
    then no h where y is missing for 5m
  within 10m
  having count(probes) >= 3 and (sum(probes.amount) + 1) * 2 / 3 - -4 % 5 > 1e-3
  considering login or any alert
  without branch_id_check where a in [1, 2] or b not in test_cards
  after match skip to first hit in order
  prefer latest
  except "our own test cards" where card in test_cards expires 2027-01-01
  except "text" where name matches /^[a-z\/]+"x"/i or name contains any word of scam_phrases or name starts with "x"
  once per 1h for each ip, hit.user
  at most 5 per 1d
  alert "Card {card}: {count(probes)} probes, then {hit.amount} {{x}} {coalesce(a, \"b\")}" {
    score:       60 + 5 * count(probes),
    probe_total: sum(probes.amount),
    recent: count(w.login where ok) over today in zone.name,
    at: hour(ts, "Europe/Stockholm") between 1 and 5,
  }
}

rule windowed "A window" {
  by customer
  when session of signup or alert x gap 30m as s where count(s.signup) >= 10
  alert "x"
}

test card_testing "three probes and a hit" {
  starting 2026-03-02T12:00:00Z
  0s   payment { card: "c1", amount: -1.00, merchant: "m1", tags: [a, b] }
  60s  payment { card: "c1", amount: 250.00, merchant: "m3" }
  until 1h
  expect alert 2 times at 60s { card: "c1", probe_total: 3.49 }
  expect alert
}
)tocsin";
}  // namespace tocsin::tests
