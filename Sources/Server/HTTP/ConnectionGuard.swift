// SPDX-License-Identifier: Apache-2.0
import HTTPTypes
import NIOCore
import NIOHTTPTypes

/// The body of a request did not arrive in time.
struct BodyTimeout: Error {}

/// Limits of a connection: time limits for a request's body and for taking the answer, and an
/// end once the other side has left or the answer says `Connection: close`.
///
/// (Hummingbird's idle timeout covers the head of a request and the time between two; body bytes that trickle in would
/// renew it forever.)
final class ConnectionGuard: ChannelDuplexHandler, RemovableChannelHandler {
  typealias InboundIn = HTTPRequestPart
  typealias InboundOut = HTTPRequestPart
  typealias OutboundIn = HTTPResponsePart
  typealias OutboundOut = HTTPResponsePart

  private let connections: Connections
  private let readTimeout: TimeAmount
  private let writeTimeout: TimeAmount
  /// For the client to read the last answer before the connection is torn down under what it still sends.
  private let linger = TimeAmount.seconds(1)
  private var reading: Scheduled<Void>?
  private var writing: Scheduled<Void>?
  private var closesAfterAnswer = false
  private var isClosing = false

  init(_ connections: Connections, readTimeout: TimeAmount, writeTimeout: TimeAmount) {
    (self.connections, self.readTimeout, self.writeTimeout) = (connections, readTimeout, writeTimeout)
  }

  func handlerAdded(context: ChannelHandlerContext) { connections.opened(context.channel) }

  func channelInactive(context: ChannelHandlerContext) {
    reading?.cancel()
    writing?.cancel()
    connections.closed(context.channel)
    context.fireChannelInactive()
  }

  // MARK: What comes in

  func channelRead(context: ChannelHandlerContext, data: NIOAny) {
    if isClosing { return }
    switch unwrapInboundIn(data) {
    case .head:
      reading = schedule(context, in: readTimeout) { context in context.fireErrorCaught(BodyTimeout()) }
    case .body: break
    case .end: reading?.cancel()
    }
    context.fireChannelRead(data)
  }

  func userInboundEventTriggered(context: ChannelHandlerContext, event: Any) {
    // Nobody closes half a connection and reads on but by hand; a client that has died looks the same.
    if case ChannelEvent.inputClosed? = event as? ChannelEvent {
      connections.closed(context.channel)
      context.close(promise: nil)
    }
    context.fireUserInboundEventTriggered(event)
  }

  // MARK: What goes out

  func write(context: ChannelHandlerContext, data: NIOAny, promise: EventLoopPromise<Void>?) {
    switch unwrapOutboundIn(data) {
    case .head(let head):
      closesAfterAnswer = head.headerFields[.connection] == "close"
      writing = schedule(context, in: writeTimeout) { context in context.close(promise: nil) }
      context.write(data, promise: promise)
    case .body:
      context.write(data, promise: promise)
    case .end:
      let written = promise ?? context.eventLoop.makePromise()
      written.futureResult.assumeIsolated().whenComplete { _ in self.answered(context) }
      context.write(data, promise: written)
    }
  }

  private func answered(_ context: ChannelHandlerContext) {
    writing?.cancel()
    guard closesAfterAnswer, !isClosing else { return }
    isClosing = true
    context.close(mode: .output, promise: nil)
    _ = schedule(context, in: linger) { context in context.close(promise: nil) }
  }

  private func schedule(
    _ context: ChannelHandlerContext, in time: TimeAmount, _ task: @escaping (ChannelHandlerContext) -> Void
  ) -> Scheduled<Void> {
    context.eventLoop.assumeIsolated().scheduleTask(in: time) { task(context) }
  }
}
