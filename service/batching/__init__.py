"""Many callers' records in few calls: lanes that gather while Salesforce is busy and hold nothing back while it is not."""
