// Market data: books from snapshots and increments. proto/FEED.md.

#pragma once

#include <algorithm>
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

  /// Go on after the last batch where the books are right up to there and it is still what it was; or begin anew.
  void on_accepted(const LogonAccepted& accepted) override {
    // An engine that had not written everything down may use numbers again for something else.
    const bool is_same = accepted.epoch == epoch_ || (accepted.durable && was_durable_);
    const bool is_whole = came_.size() >= snapshot_count_ && awaited_.empty();
    epoch_ = accepted.epoch;
    was_durable_ = accepted.durable;
    Subscribe all;
    all.ref = ++ref_;
    all.after_feed_sequence = is_same && is_whole ? feed_sequence_ : 0;
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
        has_come(end.instrument_id);
        if (!books[end.instrument_id].is_complete(end)) return ask(end.instrument_id);
        return callbacks_.changed(end.instrument_id, books[end.instrument_id]);
      }
      case Composite::TAG:
        return has_come(object.as<Composite>().composite_id);
      case Subscribed::TAG: {
        const auto subscribed = object.as<Subscribed>();
        if (!subscribed.is_resumed) await_snapshots(subscribed.instrument_count, subscribed.feed_sequence);
        return;
      }
      case BatchBegin::TAG: {
        const auto batch = object.as<BatchBegin>();
        if (!is_lost(batch.previous_feed_sequence)) feed_sequence_ = std::max(feed_sequence_, batch.feed_sequence);
        return;
      }
      case Conflated::TAG: {  // this program was too slow: of these instruments snapshots follow
        const auto conflated = object.as<Conflated>();
        if (is_lost(conflated.previous_feed_sequence)) return;
        feed_sequence_ = conflated.feed_sequence;
        awaited_.insert(conflated.instrument_ids.begin(), conflated.instrument_ids.end());
        return;
      }
      case GapFilled::TAG: {  // what was lost follows: the batches, or snapshots of everything
        const auto filled = object.as<GapFilled>();
        if (filled.source == FeedSource::SNAPSHOT) await_snapshots(filled.count, filled.feed_sequence);
        is_behind_ = false;
        feed_sequence_ = filled.feed_sequence;
        return;
      }
      default:
        if (is_counted(tag)) increment(tag, object, object.as<BandUpdate>());
    }
  }

  /// `head`: what all counted messages begin with, as one of them.
  void increment(std::uint32_t tag, const msgpack::object& object, const BandUpdate& head) {
    Book& book = books[head.instrument_id];
    // With a number that was there before, a message belongs to the snapshot that it follows.
    if (is_behind_ || awaited_.count(head.instrument_id) || head.instrument_seq <= book.seq) return;
    if (head.instrument_seq > book.seq + 1) return ask(head.instrument_id);
    book.seq = head.instrument_seq;
    if (tag == LevelUpdate::TAG) book.apply(object.as<LevelUpdate>());
    callbacks_.changed(head.instrument_id, book);
  }

  void await_snapshots(std::uint64_t count, std::uint64_t feed_sequence) {
    snapshot_count_ = count;
    came_.clear();
    awaited_.clear();
    is_behind_ = false;
    feed_sequence_ = feed_sequence;
  }

  void has_come(std::uint64_t id) {
    came_.insert(id);
    awaited_.erase(id);
  }

  /// Whether a batch before this one has not come, of whatever instrument: all of them since are asked for, once.
  bool is_lost(std::uint64_t previous_feed_sequence) {
    if (is_behind_ || previous_feed_sequence <= feed_sequence_) return is_behind_;
    is_behind_ = true;
    GapRequest request;
    request.ref = ++ref_;
    request.after_feed_sequence = feed_sequence_;
    send(request);
    return true;
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
  std::set<std::uint64_t> awaited_;   // whose next snapshot is to come: increments until then mean nothing
  std::uint64_t feed_sequence_ = 0;   // up to this batch everything has come
  bool is_behind_ = false;            // a batch behind it was lost: increments until GapFilled mean nothing
  std::uint64_t snapshot_count_ = 0;  // how many follow a subscription
  std::set<std::uint64_t> came_;      // and which of them have come
  std::uint64_t epoch_ = 0;           // what the last logon said
  bool was_durable_ = false;
};

}  // namespace carbonmatch
