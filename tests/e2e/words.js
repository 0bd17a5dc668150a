'use strict';
// words of the program that no page may show to a person
module.exports.INTERNAL = /\b(undefined|null|NaN|\[object|story_reply|story_mention|ig_post|like_heart|group_invite|postback|poll_vote|optin|handover|account_linking|policy_enforcement|response_feedback|hologram|quick_reply|outbound|inbound|accepted|mimeType|attachment_id|wrong_secret)\b/;
