"""Many callers' records in few calls: lanes gather while Salesforce is busy and hold nothing back when it is not."""
