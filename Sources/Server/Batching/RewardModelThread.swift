// SPDX-License-Identifier: Apache-2.0
import Files
import Recipes

extension Batcher {
  /// Most items of one batch, however short they are.
  static let longestBatch = 256

  /// Loop of the reward model's thread until the batcher is stopped.
  func work(_ rewardModel: any RewardModel) {
    while !isStopped {
      let candidates = candidates(Self.longestBatch)
      if candidates.isEmpty {
        waitForWork()
      } else {
        rate(candidates, rewardModel)
      }
    }
  }

  /// Longest that candidates are looked at while others are ready to be rated, in seconds.
  static let longestLook = 0.1

  /// Rates as many of the first items as the token budget allows.
  private func rate(_ candidates: [Item], _ rewardModel: any RewardModel) {
    let (chosen, counts) = choose(candidates, rewardModel)
    let batch = claim(chosen)
    guard !batch.isEmpty else { return }
    let start = ContinuousClock.now
    let outcomes = outcomes(of: batch, rewardModel)
    let seconds = (ContinuousClock.now - start) / .seconds(1)
    // Counted before the answers leave, so that whoever has one finds it counted.
    metrics.rated(outcomes.map(\.outcome), tokens: batch.reduce(0) { $0 + counts[$1.serial, default: 0] })
    deliver(outcomes, seconds: seconds)
  }

  /// The first items that fit in a batch, and their tokens. They are looked at one by one: an item that cannot be rated
  /// is refused at once, and one that nobody waits for any more is not read.
  private func choose(_ candidates: [Item], _ rewardModel: any RewardModel) -> (chosen: [Item], counts: [UInt64: Int]) {
    let start = ContinuousClock.now
    var chosen: [Item] = [], counts: [UInt64: Int] = [:], tokens = 0
    for item in candidates where isWanted(item) {
      if isStopped || !chosen.isEmpty && ContinuousClock.now - start > .seconds(Self.longestLook) { break }
      let began = ContinuousClock.now
      do {
        let count = max(1, try rewardModel.tokens(of: item.request))
        guard chosen.isEmpty || tokens + count <= limits.tokens else { break }
        chosen.append(item)
        counts[item.serial] = count
        tokens += count
      } catch {
        guard !claim([item]).isEmpty else { continue }
        metrics.refusedItems(1)
        deliver([(item, .failure(ItemFailure(error)))], seconds: (ContinuousClock.now - began) / .seconds(1))
      }
    }
    return (chosen, counts)
  }

  /// One outcome each. Where the reward model refuses the batch, its items are rated one by one, so that only the one
  /// at fault goes unrated.
  private func outcomes(of batch: [Item], _ rewardModel: any RewardModel) -> [(item: Item, outcome: Outcome)] {
    do {
      let rewards = try rewardModel.rewards(
        of: batch.map(\.request), attributes: batch[0].attributes, tokenBudget: limits.tokens)
      precondition(rewards.count == batch.count, "\(rewards.count) rewards of \(batch.count) requests")
      return zip(batch, rewards).map { ($0, Self.checked($1)) }
    } catch  where batch.count > 1 {
      return batch.flatMap { outcomes(of: [$0], rewardModel) }
    } catch {
      return [(batch[0], .failure(ItemFailure(error)))]
    }
  }

  /// JSON has no NaN, and a trainer should not meet one either.
  private static func checked(_ reward: Reward) -> Outcome {
    for score in [reward.overall] + reward.attributes {
      let numbers = [score.expectation, score.variance ?? 0, score.coverage ?? 0] + score.values + score.probabilities
      if let bad = numbers.first(where: { !$0.isFinite }) {
        return .failure(.failed("the model's score \(score.name) holds \(bad), which is no finite number"))
      }
    }
    return .success(reward)
  }
}
