// SPDX-License-Identifier: Apache-2.0
package import Files
package import Recipes

/// Why a whole submission goes unanswered.
package enum Refusal: Error, Equatable {
  /// Bounds of the queue.
  package enum Amount: String, Sendable {
    /// Responses.
    case items
    /// UTF-8 bytes of long ones.
    case bytes
  }
  /// As much waits as may; after `retryAfter` seconds there should be room.
  case queueFull(waiting: Int, limit: Int, of: Amount = .items, retryAfter: Int)
  /// More at once than the queue can ever hold.
  case tooMany(Int, limit: Int, of: Amount = .items)
  /// The deadline passed before the last item was rated.
  case timedOut
  /// Nobody waits for the answer any more.
  case cancelled
  /// The server is shutting down.
  case shuttingDown
}

/// Why one item of a submission could not be rated.
package enum ItemFailure: Error {
  /// The reward model refuses the item: too long, or a conversation that its template does not have.
  case refused(InputError)
  /// The model failed, or said something that is no number.
  case failed(String)

  init(_ error: any Error) {
    self = (error as? InputError).map { .refused($0) } ?? .failed("\(error)")
  }
}

/// Outcome of one item.
package typealias Outcome = Result<Reward, ItemFailure>

/// Description of a server's model; known once it is loaded.
package struct ModelDescription: Sendable {
  /// A score that the model gives, and its range if it has one.
  package struct Score: Sendable {
    package var name: String
    package var range: ClosedRange<Double>?
  }
  /// The reward model's name.
  package var name: String
  /// The range of the overall score.
  package var range: ClosedRange<Double>?
  /// The attributes, in the order of the reward model.
  package var attributes: [Score]
  /// Facts of a request before reading it.
  let screen: RequestScreen?

  init(_ rewardModel: any RewardModel) {
    (name, range, screen) = (rewardModel.name, rewardModel.range, rewardModel.screen)
    attributes = rewardModel.attributes.map { Score(name: $0.name, range: $0.range) }
  }
}
