// Market data: books from snapshots and increments. proto/FEED.md.

#pragma once

#include <functional>
#include <map>
#include <set>
#include <string>

#include "connection.hpp"

namespace carbonmatch {

struct Level {
  std::uint64_t lots;
  std::uint64_t orders;
};

/// One instrument as the venue shows it.
class Book {
 public:
  std::map<std::uint64_t, Level, std::greater<>> bids;  // by price in ticks, the best one first
  std::map<std::uint64_t, Level> asks;
  std::uint64_t seq = 0;  // instrument_seq of the last message

  void begin(const SnapshotBegin& snapshot) {
    bids.clear();
    asks.clear();
    seq = snapshot.instrument_seq;
    checksum_ = ~0u;
  }

  void add(const SnapshotLevel& level) {
    set(level.side, level.price_ticks, {level.quantity_lots, level.order_count});
    sum_up(static_cast<std::uint64_t>(level.side), 1);
    sum_up(level.price_ticks, 8);
    sum_up(level.quantity_lots, 8);
    sum_up(level.order_count, 4);
  }

  bool is_complete(const SnapshotEnd& end) const { return bids.size() + asks.size() == 0 || ~checksum_ == end.checksum; }

  void apply(const LevelUpdate& update) {
    set(update.side, update.price_ticks, {update.quantity_lots, update.order_count});
  }

 private:
  void set(Side side, std::uint64_t price_ticks, Level level) {
    side == Side::BUY ? put(bids, price_ticks, level) : put(asks, price_ticks, level);
  }

  template <class Levels>
  static void put(Levels& levels, std::uint64_t price_ticks, Level level) {
    if (level.lots == 0) levels.erase(price_ticks);
    else levels[price_ticks] = level;
  }

  /// CRC-32, as in zlib.
  void sum_up(std::uint64_t number, int bytes) {
    for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
      checksum_ ^= static_cast<std::uint8_t>(number >> shift);
      for (int bit = 0; bit < 8; ++bit) checksum_ = checksum_ >> 1 ^ (checksum_ & 1 ? 0xedb88320u : 0);
    }
  }

  std::uint32_t checksum_ = ~0u;
};

/// Keeps a Book of each instrument.
class Feed : public Client {
 public:
  struct Callbacks {
    std::function<void(std::uint64_t instrument_id, const Book&)> changed;  // also when it is new
    std::function<void()> lost;
    std::function<void(const std::string& reason)> end;
  };

  Feed(Access access, Callbacks callbacks)
      : Client(std::move(access), Role::MARKET_DATA), callbacks_(std::move(callbacks)) {}

  std::map<std::uint64_t, Book> books;

 private:
  std::uint64_t next_seq() const override { return 0; }

  void on_accepted(const LogonAccepted&) override {
    awaited_.clear();
    Subscribe all;
    all.ref = ++ref_;
    send(all);
  }

  void on_message(std::uint32_t tag, const msgpack::object& object) override {
    switch (tag) {
      case SnapshotBegin::TAG: {
        const auto snapshot = object.as<SnapshotBegin>();
        return books[snapshot.instrument_id].begin(snapshot);
      }
      case SnapshotLevel::TAG: {
        const auto level = object.as<SnapshotLevel>();
        return books[level.instrument_id].add(level);
      }
      case SnapshotEnd::TAG: {
        const auto end = object.as<SnapshotEnd>();
        awaited_.erase(end.instrument_id);
        if (!books[end.instrument_id].is_complete(end)) return ask(end.instrument_id);
        return callbacks_.changed(end.instrument_id, books[end.instrument_id]);
      }
      default:
        if (is_counted(tag)) increment(tag, object, object.as<BandUpdate>());
    }
  }

  /// `head`: what all counted messages begin with, as one of them.
  void increment(std::uint32_t tag, const msgpack::object& object, const BandUpdate& head) {
    Book& book = books[head.instrument_id];
    // With a number that was there before, a message belongs to the snapshot that it follows.
    if (awaited_.count(head.instrument_id) || head.instrument_seq <= book.seq) return;
    if (head.instrument_seq > book.seq + 1) return ask(head.instrument_id);
    book.seq = head.instrument_seq;
    if (tag == LevelUpdate::TAG) book.apply(object.as<LevelUpdate>());
    callbacks_.changed(head.instrument_id, book);
  }

  void ask(std::uint64_t instrument_id) {
    awaited_.insert(instrument_id);
    GapRequest request;
    request.ref = ++ref_;
    request.instrument_id = instrument_id;
    send(request);
  }

  void on_lost() override { callbacks_.lost(); }
  void on_end(const std::string& reason) override { callbacks_.end(reason); }

  Callbacks callbacks_;
  std::uint64_t ref_ = 0;
  std::set<std::uint64_t> awaited_;  // whose next snapshot was asked for: increments until then mean nothing
};

}  // namespace carbonmatch
