//! [edge] One child process.
